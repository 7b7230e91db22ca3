// Params: growth, text arguments, and numbers turned back into literals.
#include "pg/params.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/value/number_text.hpp"
#include "src/value/numeric_digits.hpp"

namespace pg {
namespace {

bool is_number(const Params::Slot& slot) {
    if (slot.format != Format::binary) return false;  // a type that pg::as insists on
    switch (static_cast<std::uint32_t>(slot.type)) {
        case 21:    // int2
        case 23:    // int4
        case 20:    // int8
        case 700:   // float4
        case 701:   // float8
        case 1700:  // numeric
            return true;
        default: return false;
    }
}

Oid write_integer_literal(Writer& out, std::int64_t value) {
    detail::write_integer(out, value);
    return std::in_range<std::int32_t>(value) ? Oid{23} : Oid{20};
}

template <class T>
std::optional<Oid> write_float_literal(Writer& out, const Cell& cell, const WireType& wire) {
    T value = 0;
    if (detail::decode_float(cell, wire, value) || std::isinf(value)) return std::nullopt;
    detail::write_float(out, value);
    return Oid{1700};
}

// An unsigned integer of C++ is one.
std::optional<Oid> write_numeric_literal(Writer& out, const Cell& cell) {
    detail::NumericView digits;
    std::uint64_t value = 0;
    if (detail::read_numeric(cell.bytes(), digits) || digits.scale != 0) return std::nullopt;
    if (detail::read_whole_numeric(cell.bytes(), value) || !std::in_range<std::int64_t>(value)) return std::nullopt;
    return write_integer_literal(out, static_cast<std::int64_t>(value));
}

// Writes a number as the text of a literal, and says which type PostgreSQL gives that (manual, 4.1.2.6): the first of
// int4 and int8 that holds an integer, numeric for any other. Nothing for what stays as it is: a numeric that is none
// of the unsigned integers that an int8 holds, an infinite number, and what a codec of the user has encoded wrongly.
std::optional<Oid> write_literal(Writer& out, const Cell& cell, Oid type) {
    const WireType wire{type, Format::binary, nullptr};
    if (type == Oid{700}) return write_float_literal<float>(out, cell, wire);
    if (type == Oid{701}) return write_float_literal<double>(out, cell, wire);
    if (type == Oid{1700}) return write_numeric_literal(out, cell);
    std::int64_t value = 0;
    if (detail::decode_integer(cell, wire, std::numeric_limits<std::int64_t>::min(),
                               std::numeric_limits<std::int64_t>::max(), value))
        return std::nullopt;
    return write_integer_literal(out, value);
}

// As its literal, where that has another type; a NULL has none, as the word in the statement. False: the slot is as it
// was.
bool retype(Params::Slot& slot, const Cell& cell, Writer& out) {
    if (!is_number(slot)) return false;
    Oid type{};
    if (!cell.is_null()) {
        const std::size_t start = out.size();
        const std::optional<Oid> literal = write_literal(out, cell, slot.type);
        if (!literal || *literal == slot.type) {
            out.truncate(start);
            return false;
        }
        type = *literal;
        slot.length = static_cast<std::int32_t>(out.size() - start);
    }
    slot.type = type;
    slot.format = Format::text;
    return true;
}

}  // namespace

Fault Params::add_text(std::string_view text) {
    if (text.size() > max_value_size) return {"text of more than 1 GiB: use COPY or a large object"};
    if (Fault fault = detail::check_text(text)) return fault;
    char* const room = bytes_.claim(sizeof(std::int32_t) + text.size());
    detail::store_big_endian(room, static_cast<std::int32_t>(text.size()));
    if (!text.empty()) std::memcpy(room + sizeof(std::int32_t), text.data(), text.size());
    return finish(bytes_.size() - text.size(), Oid{}, Format::text);
}

bool Params::retype_numbers(std::size_t limit) {
    if (std::none_of(begin(), end(), is_number)) return false;
    const std::string before(values());
    const std::vector<Slot> slots_before(begin(), end());
    bool retyped = false;
    bytes_.clear();
    for (Slot& slot : std::span(slots_, count_)) {
        const Cell cell{before.data() + slot.offset, slot.length};
        const std::size_t start = begin_value();
        slot.offset = static_cast<std::uint32_t>(start);
        if (retype(slot, cell, bytes_))
            retyped = true;
        else
            bytes_.put(cell.bytes());
        bytes_.patch(start - sizeof(std::int32_t), slot.length);
        if (bytes_.size() > limit) [[unlikely]] {
            bytes_.clear();
            bytes_.put(before);
            std::copy(slots_before.begin(), slots_before.end(), slots_);
            return false;
        }
    }
    return retyped;
}

void Params::clear() {
    bytes_.clear();
    count_ = 0;
}

void Params::grow() {
    const std::size_t capacity = std::max<std::size_t>(4, 2 * capacity_);
    auto more = std::make_unique<Slot[]>(capacity);
    std::copy_n(slots_, count_, more.get());
    more_ = std::move(more);
    slots_ = more_.get();
    capacity_ = capacity;
}

}  // namespace pg

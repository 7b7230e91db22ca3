// xid, cid, xid8, tid, pg_lsn, money, pg_snapshot and void.
#include "pg/types/system.hpp"

#include "src/value/reader.hpp"
#include "src/value/scanner.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

using detail::Reader;
using detail::Scanner;

constexpr Fault wrong_size{"transaction id with more or fewer bytes than its type"};
constexpr Fault malformed_id{"malformed transaction id"};
constexpr Fault malformed_snapshot{"malformed snapshot"};

template <class T>
Fault decode_number(const Cell& cell, const WireType& wire, T& out) {
    if (wire.format == Format::text) return detail::parse_integer(cell.bytes(), out) ? Fault{} : malformed_id;
    if (cell.size() != sizeof(T)) return wrong_size;
    out = detail::load_big_endian<T>(cell.data);
    return {};
}

template <class T>
Fault encode_number_text(Writer& out, T value) {
    detail::write_integer(out, value);
    return {};
}

bool scan_half(Scanner& text, std::uint32_t& out) {
    const std::string_view digits = text.take_until("/");
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, out, 16);
    return error == std::errc{} && stop == end;
}

void write_half(Writer& out, std::uint32_t half) {
    constexpr char digits[] = "0123456789ABCDEF";
    int shift = 28;
    while (shift > 0 && half >> shift == 0) shift -= 4;
    for (; shift >= 0; shift -= 4) out.put(digits[half >> shift & 15]);
}

// As the server asks: an ascending list between its two ends.
Fault check(const Snapshot& snapshot) {
    if (snapshot.xmin == 0 || snapshot.xmax < snapshot.xmin) return malformed_snapshot;
    std::uint64_t last = snapshot.xmin;
    for (const std::uint64_t xip : snapshot.in_progress) {
        if (xip < last || xip >= snapshot.xmax) return malformed_snapshot;
        last = xip;
    }
    return {};
}

bool read_text(std::string_view bytes, Snapshot& out) {
    Scanner text(bytes);
    if (!text.take_digits(1, 20, out.xmin) || !text.take(':') || !text.take_digits(1, 20, out.xmax) || !text.take(':'))
        return false;
    if (text.at_end()) return true;
    do {
        if (!text.take_digits(1, 20, out.in_progress.emplace_back())) return false;
    } while (text.take(','));
    return text.at_end();
}

}  // namespace

// ---- transactions and commands ---------------------------------------------------------------------

Fault Codec<Xid>::decode(const Cell& cell, const WireType& wire, Xid& out) {
    return decode_number(cell, wire, out.value);
}
Fault Codec<Xid>::encode(Writer& out, const Xid& value) {
    out.put(value.value);
    return {};
}
Fault Codec<Xid>::encode_text(Writer& out, const Xid& value) { return encode_number_text(out, value.value); }
Expected<Xid> Xid::parse(std::string_view text) { return detail::parse_value<Xid>(text); }
std::string Xid::to_string() const { return detail::text_of(*this); }

Fault Codec<Cid>::decode(const Cell& cell, const WireType& wire, Cid& out) {
    return decode_number(cell, wire, out.value);
}
Fault Codec<Cid>::encode(Writer& out, const Cid& value) {
    out.put(value.value);
    return {};
}
Fault Codec<Cid>::encode_text(Writer& out, const Cid& value) { return encode_number_text(out, value.value); }
Expected<Cid> Cid::parse(std::string_view text) { return detail::parse_value<Cid>(text); }
std::string Cid::to_string() const { return detail::text_of(*this); }

Fault Codec<Xid8>::decode(const Cell& cell, const WireType& wire, Xid8& out) {
    return decode_number(cell, wire, out.value);
}
Fault Codec<Xid8>::encode(Writer& out, const Xid8& value) {
    out.put(value.value);
    return {};
}
Fault Codec<Xid8>::encode_text(Writer& out, const Xid8& value) { return encode_number_text(out, value.value); }
Expected<Xid8> Xid8::parse(std::string_view text) { return detail::parse_value<Xid8>(text); }
std::string Xid8::to_string() const { return detail::text_of(*this); }

// ---- places ----------------------------------------------------------------------------------------

Fault Codec<Tid>::decode(const Cell& cell, const WireType& wire, Tid& out) {
    Tid value;
    if (wire.format == Format::binary) {
        Reader reader(cell.bytes());
        value.block = reader.take<std::uint32_t>();
        value.offset = reader.take<std::uint16_t>();
        if (!reader.finished()) return {"tid of other than 6 bytes"};
    } else {
        Scanner text(cell.bytes());
        if (!text.take('(') || !text.take_digits(1, 10, value.block) || !text.take(',') ||
            !text.take_digits(1, 5, value.offset) || !text.take(')') || !text.at_end())
            return {"malformed tid"};
    }
    out = value;
    return {};
}
Fault Codec<Tid>::encode(Writer& out, const Tid& value) {
    out.put(value.block);
    out.put(value.offset);
    return {};
}
Fault Codec<Tid>::encode_text(Writer& out, const Tid& value) {
    out.put('(');
    detail::write_integer(out, value.block);
    out.put(',');
    detail::write_integer(out, value.offset);
    out.put(')');
    return {};
}
Expected<Tid> Tid::parse(std::string_view text) { return detail::parse_value<Tid>(text); }
std::string Tid::to_string() const { return detail::text_of(*this); }

Fault Codec<Lsn>::decode(const Cell& cell, const WireType& wire, Lsn& out) {
    if (wire.format == Format::binary) {
        if (cell.length != 8) return {"pg_lsn of other than 8 bytes"};
        out.position = detail::load_big_endian<std::uint64_t>(cell.data);
        return {};
    }
    Scanner text(cell.bytes());
    std::uint32_t high = 0, low = 0;
    if (!scan_half(text, high) || !text.take('/') || !scan_half(text, low) || !text.at_end())
        return {"malformed pg_lsn"};
    out.position = std::uint64_t{high} << 32 | low;
    return {};
}
Fault Codec<Lsn>::encode(Writer& out, const Lsn& value) {
    out.put(value.position);
    return {};
}
Fault Codec<Lsn>::encode_text(Writer& out, const Lsn& value) {
    write_half(out, static_cast<std::uint32_t>(value.position >> 32));
    out.put('/');
    write_half(out, static_cast<std::uint32_t>(value.position));
    return {};
}
Expected<Lsn> Lsn::parse(std::string_view text) { return detail::parse_value<Lsn>(text); }
std::string Lsn::to_string() const { return detail::text_of(*this); }

// ---- money -----------------------------------------------------------------------------------------

bool Codec<Money>::accepts(const WireType& wire) { return wire.oid == type.oid && wire.format == Format::binary; }
Fault Codec<Money>::decode(const Cell& cell, const WireType& wire, Money& out) {
    if (wire.format == Format::text) return {"money as text, whose meaning depends on lc_monetary: fetch it in binary"};
    if (cell.length != 8) return {"money of other than 8 bytes"};
    out.units = detail::load_big_endian<std::int64_t>(cell.data);
    return {};
}
Fault Codec<Money>::encode(Writer& out, const Money& value) {
    out.put(value.units);
    return {};
}
Fault Codec<Money>::encode_text(Writer&, const Money&) {
    return {"money as text, whose meaning depends on lc_monetary: send it in binary"};
}

// ---- snapshots -------------------------------------------------------------------------------------

bool Codec<Snapshot>::accepts(const WireType& wire) { return wire.oid == type.oid || wire.oid == Oid{2970}; }
Fault Codec<Snapshot>::decode(const Cell& cell, const WireType& wire, Snapshot& out) {
    Snapshot value;
    if (wire.format == Format::binary) {
        Reader reader(cell.bytes());
        // The count comes before the two ends, so these are taken off what it is checked against.
        const auto count = reader.take<std::uint32_t>();
        value.xmin = reader.take<std::uint64_t>();
        value.xmax = reader.take<std::uint64_t>();
        if (reader.failed() || reader.left() != std::size_t{count} * sizeof(std::uint64_t)) return malformed_snapshot;
        value.in_progress.resize(count);
        for (std::uint64_t& xip : value.in_progress) xip = reader.take<std::uint64_t>();
    } else if (!read_text(cell.bytes(), value)) {
        return malformed_snapshot;
    }
    if (Fault fault = check(value)) return fault;
    out = std::move(value);
    return {};
}
Fault Codec<Snapshot>::encode(Writer& out, const Snapshot& value) {
    if (Fault fault = check(value)) return fault;
    out.put(static_cast<std::int32_t>(value.in_progress.size()));
    out.put(value.xmin);
    out.put(value.xmax);
    for (const std::uint64_t xip : value.in_progress) out.put(xip);
    return {};
}
Fault Codec<Snapshot>::encode_text(Writer& out, const Snapshot& value) {
    if (Fault fault = check(value)) return fault;
    detail::write_integer(out, value.xmin);
    out.put(':');
    detail::write_integer(out, value.xmax);
    out.put(':');
    for (std::size_t i = 0; i < value.in_progress.size(); ++i) {
        if (i != 0) out.put(',');
        detail::write_integer(out, value.in_progress[i]);
    }
    return {};
}
Expected<Snapshot> Snapshot::parse(std::string_view text) { return detail::parse_value<Snapshot>(text); }
std::string Snapshot::to_string() const { return detail::text_of(*this); }

// ---- void ------------------------------------------------------------------------------------------

bool Codec<None>::accepts(const WireType& wire) { return wire.oid == type.oid; }
Fault Codec<None>::decode(const Cell& cell, const WireType&, None&) {
    return cell.length == 0 ? Fault{} : Fault{"void with a value"};
}

}  // namespace pg

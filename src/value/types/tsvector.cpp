// tsvector: lexemes with their positions, in both forms.
#include <algorithm>

#include "pg/types/text_search.hpp"
#include "src/value/reader.hpp"
#include "src/value/types/lexeme.hpp"
#include "src/value/types/text_form.hpp"

namespace pg {
namespace {

using detail::Reader;
using detail::Scanner;

constexpr Fault malformed{"malformed tsvector"};
constexpr std::uint16_t max_place = 16383;
constexpr std::size_t max_positions = 256;
constexpr std::size_t least_lexeme_size = 3;  // a zero byte, and a number of positions
constexpr char weight_names[] = "DCBA";

bool scan_position(Scanner& text, TsVector::Position& out) {
    if (!text.take_digits(1, 5, out.place) || out.place < 1 || out.place > max_place) return false;
    out.weight = TsVector::Weight::d;
    for (const auto weight : {TsVector::Weight::a, TsVector::Weight::b, TsVector::Weight::c})
        if (text.take(weight_names[static_cast<int>(weight)])) out.weight = weight;
    return true;
}

bool scan_entry(Scanner& text, TsVector::Lexeme& out) {
    if (!detail::scan_lexeme(text, out.word)) return false;
    if (!text.take(':')) return true;
    do {
        if (!scan_position(text, out.positions.emplace_back())) return false;
    } while (text.take(','));
    return true;
}

bool read_text(std::string_view bytes, TsVector& out) {
    Scanner text(bytes);
    if (text.at_end()) return true;
    do {
        if (!scan_entry(text, out.lexemes.emplace_back())) return false;
    } while (text.take(' '));
    return text.at_end();
}

bool read_binary(std::string_view bytes, TsVector& out) {
    Reader reader(bytes);
    for (std::size_t left = reader.take_count(least_lexeme_size); left > 0; --left) {
        TsVector::Lexeme& lexeme = out.lexemes.emplace_back();
        lexeme.word = reader.take_cstring();
        const auto count = reader.take<std::uint16_t>();
        if (reader.failed() || reader.left() < 2 * std::size_t{count}) return false;
        lexeme.positions.resize(count);
        for (TsVector::Position& position : lexeme.positions) {
            const unsigned word = reader.take<std::uint16_t>();
            position.place = static_cast<std::uint16_t>(word & max_place);
            position.weight = static_cast<TsVector::Weight>(word >> 14);
        }
    }
    return reader.finished();
}

Fault check(const TsVector& value) {
    for (const TsVector::Lexeme& lexeme : value.lexemes) {
        if (lexeme.positions.size() > max_positions) return {"lexeme with more than 256 positions"};
        for (const TsVector::Position& position : lexeme.positions)
            if (position.place < 1 || position.place > max_place || position.weight > TsVector::Weight::a)
                return {"position of a lexeme outside 1 to 16383, or of an unknown weight"};
    }
    return {};
}

/// What the server takes in binary form as it comes, and what its text form would refuse or merge.
Fault check_to_send(const TsVector& value) {
    std::vector<std::string_view> words;
    words.reserve(value.lexemes.size());
    for (const TsVector::Lexeme& lexeme : value.lexemes) {
        if (lexeme.word.empty()) return {"lexeme without a word"};
        words.push_back(lexeme.word);
        const auto is_out_of_order = [](const auto& a, const auto& b) { return a.place >= b.place; };
        if (std::ranges::adjacent_find(lexeme.positions, is_out_of_order) != lexeme.positions.end())
            return {"positions of a lexeme that do not ascend"};
    }
    std::ranges::sort(words);
    if (std::ranges::adjacent_find(words) != words.end()) return {"lexeme that is there twice"};
    return check(value);
}

}  // namespace

Fault Codec<TsVector>::decode(const Cell& cell, const WireType& wire, TsVector& out) {
    TsVector value;
    const bool is_read =
        wire.format == Format::binary ? read_binary(cell.bytes(), value) : read_text(cell.bytes(), value);
    if (!is_read) return malformed;
    if (Fault fault = check(value)) return fault;
    out = std::move(value);
    return {};
}

Fault Codec<TsVector>::encode(Writer& out, const TsVector& value) {
    if (Fault fault = check_to_send(value)) return fault;
    out.put(static_cast<std::int32_t>(value.lexemes.size()));
    for (const TsVector::Lexeme& lexeme : value.lexemes) {
        if (Fault fault = detail::put_lexeme(out, lexeme.word)) return fault;
        out.put(static_cast<std::uint16_t>(lexeme.positions.size()));
        for (const TsVector::Position& position : lexeme.positions)
            out.put(static_cast<std::uint16_t>(static_cast<unsigned>(position.weight) << 14 | position.place));
    }
    return {};
}

Fault Codec<TsVector>::encode_text(Writer& out, const TsVector& value) {
    if (Fault fault = check_to_send(value)) return fault;
    bool is_first = true;
    for (const TsVector::Lexeme& lexeme : value.lexemes) {
        if (!is_first) out.put(' ');
        is_first = false;
        if (Fault fault = detail::write_lexeme(out, lexeme.word)) return fault;
        char separator = ':';
        for (const TsVector::Position& position : lexeme.positions) {
            out.put(separator);
            separator = ',';
            detail::write_integer(out, position.place);
            if (position.weight != TsVector::Weight::d) out.put(weight_names[static_cast<int>(position.weight)]);
        }
    }
    return {};
}

Expected<TsVector> TsVector::parse(std::string_view text) { return detail::parse_value<TsVector>(text); }
std::string TsVector::to_string() const { return detail::text_of(*this); }

}  // namespace pg

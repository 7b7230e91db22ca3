// Values inside values from any bytes, and their texts read again.
#include "tests/fuzz/nested_round_trip.hpp"

#include <optional>

#include "pg/types/array.hpp"
#include "pg/types/composite.hpp"
#include "pg/types/extension.hpp"
#include "pg/types/range.hpp"

namespace pg {
namespace {

using Texts = std::vector<std::optional<std::string>>;
using Record = std::tuple<std::optional<std::int32_t>, std::string, Texts>;

template <class T>
std::string text_of(const T& value, bool& has_text) {
    Writer out;
    has_text = !Codec<T>::encode_text(out, value);
    return std::string(out.bytes());
}

template <class T>
std::string round_trip(std::string_view bytes, Format format) {
    const WireType type{Codec<T>::type.oid, format, nullptr};
    T value{};
    if (Codec<T>::decode({bytes.data(), static_cast<std::int32_t>(bytes.size())}, type, value)) return {};
    bool has_text = false;
    const std::string text = text_of(value, has_text);
    if (!has_text) return {};  // a zero byte in a text, which the server never sends
    T again{};
    const Cell cell{text.data(), static_cast<std::int32_t>(text.size())};
    const Fault fault = Codec<T>::decode(cell, {type.oid, Format::text, nullptr}, again);
    if (fault) return text + " is not read: " + fault.reason;
    const std::string again_text = text_of(again, has_text);
    return again_text == text ? std::string{} : text + " is read as " + again_text;
}

using RoundTrip = std::string (*)(std::string_view, Format);
constexpr RoundTrip types[] = {
    round_trip<std::vector<std::int32_t>>,
    round_trip<std::vector<std::vector<std::optional<std::int32_t>>>>,
    round_trip<std::array<std::int32_t, 2>>,
    round_trip<Texts>,
    round_trip<NdArray<std::optional<std::string>>>,
    round_trip<Range<std::int32_t>>,
    round_trip<Multirange<std::int64_t>>,
    round_trip<std::vector<Range<std::int64_t>>>,
    round_trip<Record>,
    round_trip<std::vector<Record>>,
    round_trip<std::vector<std::tuple<Range<std::int32_t>, std::vector<Record>>>>,
    round_trip<Hstore>,
    round_trip<LTree>,
    round_trip<Cube>,
    round_trip<Vector>,
    round_trip<HalfVector>,
    round_trip<SparseVector>,
    round_trip<Geometry>,
};

}  // namespace

std::string differs_after_round_trip(std::string_view input) {
    if (input.size() < 2) return {};
    const auto type = static_cast<unsigned char>(input[0]);
    return types[type % std::size(types)](input.substr(2), input[1] % 2 == 0 ? Format::text : Format::binary);
}

}  // namespace pg

// Values read by their codec and written in the other form.
#include "src/testing/value_form.hpp"

#include <cstdint>
#include <vector>

#include "pg/scalar_codecs.hpp"
#include "pg/types/array.hpp"
#include "pg/types/bytea.hpp"
#include "pg/types/datetime.hpp"
#include "pg/types/json.hpp"
#include "pg/types/network.hpp"
#include "pg/types/numeric.hpp"
#include "pg/types/unsigned.hpp"
#include "pg/types/uuid.hpp"

namespace pg::testing {
namespace {

/// "char", name, json, xml, unknown, bpchar, varchar: their binary form is their text.
bool is_text(Oid type) {
    for (const Oid known : {Oid{18}, Oid{19}, Oid{114}, Oid{142}, Oid{705}, Oid{1042}, Oid{1043}})
        if (type == known) return true;
    return false;
}

/// True when `T` is what the type is read as; then `out` has the other form, or nothing when the value does not fit.
template <class T>
bool convert(Oid type, Format from, std::string_view value, std::optional<std::string>& out) {
    if (Codec<T>::type.oid != type) return false;
    T read;
    Writer written;
    const Cell cell{value.data(), static_cast<std::int32_t>(value.size())};
    if (Codec<T>::decode(cell, {.oid = type, .format = from}, read)) return true;
    if (from == Format::text ? Codec<T>::encode(written, read) : Codec<T>::encode_text(written, read)) return true;
    out = written.bytes();
    return true;
}

template <class... T>
std::optional<std::string> convert_one_of(Oid type, Format from, std::string_view value) {
    std::optional<std::string> out;
    static_cast<void>((convert<T>(type, from, value, out) || ...));
    return out;
}

template <class T>
using Array = std::vector<std::optional<T>>;

}  // namespace

std::optional<std::string> other_form(Oid type, Format from, std::string_view value) {
    if (is_text(type)) return std::string(value);
    return convert_one_of<bool, std::int16_t, std::int32_t, std::int64_t, float, double, std::string, Oid, Numeric,
                          Uuid, std::vector<std::byte>, Jsonb, Date, TimeOfDay, Timestamp, TimestampTz, Interval, Inet,
                          Array<bool>, Array<std::int32_t>, Array<std::int64_t>, Array<double>, Array<std::string>,
                          Array<Uuid>>(type, from, value);
}

}  // namespace pg::testing

// json, jsonb, jsonpath and xml: text, with a version in front in the binary form of two of them.
#include "pg/types/json.hpp"

#include "pg/scalar_codecs.hpp"

namespace pg {
namespace {

constexpr char version = 1;

template <class T>
Fault encode_versioned(Writer& out, const T& value) {
    out.put(version);
    return detail::encode_checked_text(out, value.text);
}

}  // namespace

bool Codec<Json>::accepts(const WireType& wire) { return wire.oid == type.oid || wire.oid == Codec<Jsonb>::type.oid; }
Fault Codec<Json>::decode(const Cell& cell, const WireType& wire, Json& out) {
    return Codec<std::string>::decode(cell, wire, out.text);
}
Fault Codec<Json>::encode(Writer& out, const Json& value) { return detail::encode_checked_text(out, value.text); }
Fault Codec<Json>::encode_text(Writer& out, const Json& value) { return detail::encode_checked_text(out, value.text); }

Fault Codec<Jsonb>::decode(const Cell& cell, const WireType& wire, Jsonb& out) {
    return Codec<std::string>::decode(cell, wire, out.text);
}
Fault Codec<Jsonb>::encode(Writer& out, const Jsonb& value) { return encode_versioned(out, value); }
Fault Codec<Jsonb>::encode_text(Writer& out, const Jsonb& value) {
    return detail::encode_checked_text(out, value.text);
}

Fault Codec<JsonPath>::decode(const Cell& cell, const WireType& wire, JsonPath& out) {
    return Codec<std::string>::decode(cell, wire, out.text);
}
Fault Codec<JsonPath>::encode(Writer& out, const JsonPath& value) { return encode_versioned(out, value); }
Fault Codec<JsonPath>::encode_text(Writer& out, const JsonPath& value) {
    return detail::encode_checked_text(out, value.text);
}

Fault Codec<Xml>::decode(const Cell& cell, const WireType& wire, Xml& out) {
    return Codec<std::string>::decode(cell, wire, out.text);
}
Fault Codec<Xml>::encode(Writer& out, const Xml& value) { return detail::encode_checked_text(out, value.text); }
Fault Codec<Xml>::encode_text(Writer& out, const Xml& value) { return detail::encode_checked_text(out, value.text); }

}  // namespace pg

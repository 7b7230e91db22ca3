// Documents and paths that the server stores as text of their own kind: json, jsonb, jsonpath, xml.
#pragma once

#include <string>

#include "pg/types/own_type.hpp"

namespace pg {

/// A json document, with its spaces and the order and repetitions of its keys. Value. Read from jsonb as well.
struct Json {
    std::string text;  ///< as it was stored

    [[nodiscard]] const std::string& to_string() const { return text; }
    friend bool operator==(const Json&, const Json&) = default;
};

/// A jsonb document, as text. Value. Equal means the same text, which for two read from a server means the same value.
struct Jsonb {
    std::string text;  ///< as the server writes it

    [[nodiscard]] const std::string& to_string() const { return text; }
    friend bool operator==(const Jsonb&, const Jsonb&) = default;
};

/// A path into a jsonb document, in the SQL/JSON path language. Value.
struct JsonPath {
    std::string text;  ///< as the server writes it

    [[nodiscard]] const std::string& to_string() const { return text; }
    friend bool operator==(const JsonPath&, const JsonPath&) = default;
};

/// An XML document or a part of one. Value. The server recodes it, and leaves out what its declaration said of
/// encoding.
struct Xml {
    std::string text;  ///< as the server writes it

    [[nodiscard]] const std::string& to_string() const { return text; }
    friend bool operator==(const Xml&, const Xml&) = default;
};

template <>
struct Codec<Json> {
    static constexpr TypeId type{Oid{114}, Oid{199}, "json"};
    static constexpr Format argument = Format::binary;

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Json& out);
    PGCLIENT_API static Fault encode(Writer& out, const Json& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Json& value);
};
template <>
struct Codec<Jsonb> : detail::OwnType<Jsonb> {
    static constexpr TypeId type{Oid{3802}, Oid{3807}, "jsonb"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Jsonb& out);
    PGCLIENT_API static Fault encode(Writer& out, const Jsonb& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Jsonb& value);
};
template <>
struct Codec<JsonPath> : detail::OwnType<JsonPath> {
    static constexpr TypeId type{Oid{4072}, Oid{4073}, "jsonpath"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, JsonPath& out);
    PGCLIENT_API static Fault encode(Writer& out, const JsonPath& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const JsonPath& value);
};
template <>
struct Codec<Xml> : detail::OwnType<Xml> {
    static constexpr TypeId type{Oid{142}, Oid{143}, "xml"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Xml& out);
    PGCLIENT_API static Fault encode(Writer& out, const Xml& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Xml& value);
};

}  // namespace pg

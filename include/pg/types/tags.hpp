// A name for every type that PostgreSQL brings along, and pg::as, which sends an argument as the type so named.
#pragma once

#include <optional>
#include <utility>

#include "pg/scalar_codecs.hpp"

namespace pg {

/// SQL's own names, with a `_` behind those that are words of C++. The array over a type is `pg::types::array<tag>`.
namespace types {

struct bool_ {
    static constexpr TypeId id{Oid{16}, Oid{1000}, "bool"};
};
struct bytea {
    static constexpr TypeId id{Oid{17}, Oid{1001}, "bytea"};
};
struct char_ {
    static constexpr TypeId id{Oid{18}, Oid{1002}, "char"};
};
struct name {
    static constexpr TypeId id{Oid{19}, Oid{1003}, "name"};
};
struct int8 {
    static constexpr TypeId id{Oid{20}, Oid{1016}, "int8"};
};
struct int2 {
    static constexpr TypeId id{Oid{21}, Oid{1005}, "int2"};
};
struct int2vector {
    static constexpr TypeId id{Oid{22}, Oid{1006}, "int2vector"};
};
struct int4 {
    static constexpr TypeId id{Oid{23}, Oid{1007}, "int4"};
};
struct regproc {
    static constexpr TypeId id{Oid{24}, Oid{1008}, "regproc"};
};
struct text {
    static constexpr TypeId id{Oid{25}, Oid{1009}, "text"};
};
struct oid {
    static constexpr TypeId id{Oid{26}, Oid{1028}, "oid"};
};
struct tid {
    static constexpr TypeId id{Oid{27}, Oid{1010}, "tid"};
};
struct xid {
    static constexpr TypeId id{Oid{28}, Oid{1011}, "xid"};
};
struct cid {
    static constexpr TypeId id{Oid{29}, Oid{1012}, "cid"};
};
struct oidvector {
    static constexpr TypeId id{Oid{30}, Oid{1013}, "oidvector"};
};
struct json {
    static constexpr TypeId id{Oid{114}, Oid{199}, "json"};
};
struct xml {
    static constexpr TypeId id{Oid{142}, Oid{143}, "xml"};
};
struct pg_node_tree {
    static constexpr TypeId id{Oid{194}, Oid{}, "pg_node_tree"};
};
struct point {
    static constexpr TypeId id{Oid{600}, Oid{1017}, "point"};
};
struct lseg {
    static constexpr TypeId id{Oid{601}, Oid{1018}, "lseg"};
};
struct path {
    static constexpr TypeId id{Oid{602}, Oid{1019}, "path"};
};
struct box {
    static constexpr TypeId id{Oid{603}, Oid{1020}, "box"};
};
struct polygon {
    static constexpr TypeId id{Oid{604}, Oid{1027}, "polygon"};
};
struct line {
    static constexpr TypeId id{Oid{628}, Oid{629}, "line"};
};
struct cidr {
    static constexpr TypeId id{Oid{650}, Oid{651}, "cidr"};
};
struct float4 {
    static constexpr TypeId id{Oid{700}, Oid{1021}, "float4"};
};
struct float8 {
    static constexpr TypeId id{Oid{701}, Oid{1022}, "float8"};
};
struct unknown {
    static constexpr TypeId id{Oid{705}, Oid{}, "unknown"};
};
struct circle {
    static constexpr TypeId id{Oid{718}, Oid{719}, "circle"};
};
struct macaddr8 {
    static constexpr TypeId id{Oid{774}, Oid{775}, "macaddr8"};
};
struct money {
    static constexpr TypeId id{Oid{790}, Oid{791}, "money"};
};
struct macaddr {
    static constexpr TypeId id{Oid{829}, Oid{1040}, "macaddr"};
};
struct inet {
    static constexpr TypeId id{Oid{869}, Oid{1041}, "inet"};
};
struct aclitem {
    static constexpr TypeId id{Oid{1033}, Oid{1034}, "aclitem"};
};
struct bpchar {
    static constexpr TypeId id{Oid{1042}, Oid{1014}, "bpchar"};
};
struct varchar {
    static constexpr TypeId id{Oid{1043}, Oid{1015}, "varchar"};
};
struct date {
    static constexpr TypeId id{Oid{1082}, Oid{1182}, "date"};
};
struct time {
    static constexpr TypeId id{Oid{1083}, Oid{1183}, "time"};
};
struct timestamp {
    static constexpr TypeId id{Oid{1114}, Oid{1115}, "timestamp"};
};
struct timestamptz {
    static constexpr TypeId id{Oid{1184}, Oid{1185}, "timestamptz"};
};
struct interval {
    static constexpr TypeId id{Oid{1186}, Oid{1187}, "interval"};
};
struct timetz {
    static constexpr TypeId id{Oid{1266}, Oid{1270}, "timetz"};
};
struct bit {
    static constexpr TypeId id{Oid{1560}, Oid{1561}, "bit"};
};
struct varbit {
    static constexpr TypeId id{Oid{1562}, Oid{1563}, "varbit"};
};
struct numeric {
    static constexpr TypeId id{Oid{1700}, Oid{1231}, "numeric"};
};
struct refcursor {
    static constexpr TypeId id{Oid{1790}, Oid{2201}, "refcursor"};
};
struct regprocedure {
    static constexpr TypeId id{Oid{2202}, Oid{2207}, "regprocedure"};
};
struct regoper {
    static constexpr TypeId id{Oid{2203}, Oid{2208}, "regoper"};
};
struct regoperator {
    static constexpr TypeId id{Oid{2204}, Oid{2209}, "regoperator"};
};
struct regclass {
    static constexpr TypeId id{Oid{2205}, Oid{2210}, "regclass"};
};
struct regtype {
    static constexpr TypeId id{Oid{2206}, Oid{2211}, "regtype"};
};
struct record {
    static constexpr TypeId id{Oid{2249}, Oid{2287}, "record"};
};
struct cstring {
    static constexpr TypeId id{Oid{2275}, Oid{1263}, "cstring"};
};
struct void_ {
    static constexpr TypeId id{Oid{2278}, Oid{}, "void"};
};
struct uuid {
    static constexpr TypeId id{Oid{2950}, Oid{2951}, "uuid"};
};
struct txid_snapshot {
    static constexpr TypeId id{Oid{2970}, Oid{2949}, "txid_snapshot"};
};
struct pg_lsn {
    static constexpr TypeId id{Oid{3220}, Oid{3221}, "pg_lsn"};
};
struct pg_ndistinct {
    static constexpr TypeId id{Oid{3361}, Oid{}, "pg_ndistinct"};
};
struct pg_dependencies {
    static constexpr TypeId id{Oid{3402}, Oid{}, "pg_dependencies"};
};
struct tsvector {
    static constexpr TypeId id{Oid{3614}, Oid{3643}, "tsvector"};
};
struct tsquery {
    static constexpr TypeId id{Oid{3615}, Oid{3645}, "tsquery"};
};
struct gtsvector {
    static constexpr TypeId id{Oid{3642}, Oid{3644}, "gtsvector"};
};
struct regconfig {
    static constexpr TypeId id{Oid{3734}, Oid{3735}, "regconfig"};
};
struct regdictionary {
    static constexpr TypeId id{Oid{3769}, Oid{3770}, "regdictionary"};
};
struct jsonb {
    static constexpr TypeId id{Oid{3802}, Oid{3807}, "jsonb"};
};
struct int4range {
    static constexpr TypeId id{Oid{3904}, Oid{3905}, "int4range"};
};
struct numrange {
    static constexpr TypeId id{Oid{3906}, Oid{3907}, "numrange"};
};
struct tsrange {
    static constexpr TypeId id{Oid{3908}, Oid{3909}, "tsrange"};
};
struct tstzrange {
    static constexpr TypeId id{Oid{3910}, Oid{3911}, "tstzrange"};
};
struct daterange {
    static constexpr TypeId id{Oid{3912}, Oid{3913}, "daterange"};
};
struct int8range {
    static constexpr TypeId id{Oid{3926}, Oid{3927}, "int8range"};
};
struct jsonpath {
    static constexpr TypeId id{Oid{4072}, Oid{4073}, "jsonpath"};
};
struct regnamespace {
    static constexpr TypeId id{Oid{4089}, Oid{4090}, "regnamespace"};
};
struct regrole {
    static constexpr TypeId id{Oid{4096}, Oid{4097}, "regrole"};
};
struct regcollation {
    static constexpr TypeId id{Oid{4191}, Oid{4192}, "regcollation"};
};
struct int4multirange {
    static constexpr TypeId id{Oid{4451}, Oid{6150}, "int4multirange"};
};
struct nummultirange {
    static constexpr TypeId id{Oid{4532}, Oid{6151}, "nummultirange"};
};
struct tsmultirange {
    static constexpr TypeId id{Oid{4533}, Oid{6152}, "tsmultirange"};
};
struct tstzmultirange {
    static constexpr TypeId id{Oid{4534}, Oid{6153}, "tstzmultirange"};
};
struct datemultirange {
    static constexpr TypeId id{Oid{4535}, Oid{6155}, "datemultirange"};
};
struct int8multirange {
    static constexpr TypeId id{Oid{4536}, Oid{6157}, "int8multirange"};
};
struct pg_mcv_list {
    static constexpr TypeId id{Oid{5017}, Oid{}, "pg_mcv_list"};
};
struct pg_snapshot {
    static constexpr TypeId id{Oid{5038}, Oid{5039}, "pg_snapshot"};
};
struct xid8 {
    static constexpr TypeId id{Oid{5069}, Oid{271}, "xid8"};
};

/// The type of arrays over the type of `Tag`.
template <class Tag>
struct array {
    static_assert(Tag::id.array != Oid{}, "there is no array over this type");
    /// The array type, named as its elements: what `pg::as` needs is its oid.
    static constexpr TypeId id{Tag::id.array, Oid{}, Tag::id.name};
};

}  // namespace types

/// An argument with its type. Made by `pg::as`; holds a reference to what outlives the call, and owns a temporary.
template <class Tag, class T>
class As {
public:
    explicit constexpr As(T&& value) : value_(std::forward<T>(value)) {}  ///< see `pg::as`

    [[nodiscard]] constexpr const std::remove_reference_t<T>& value() const { return value_; }  ///< what is sent

private:
    T value_;
};

/// Sends `value` as the type of `Tag`, in its text form: `pg::as<pg::types::jsonb>("[1, 2]")`. An empty optional is a
/// NULL of that type.
template <class Tag, class T>
[[nodiscard]] constexpr auto as(T&& value) {
    if constexpr (detail::is_optional<std::remove_cvref_t<T>>) {
        using Inner = decltype(*std::forward<T>(value));
        using Value = std::conditional_t<std::is_lvalue_reference_v<T>, Inner, std::remove_cvref_t<Inner>>;
        std::optional<As<Tag, Value>> argument;
        if (value) argument.emplace(*std::forward<T>(value));
        return argument;
    } else {
        return As<Tag, T>(std::forward<T>(value));
    }
}

/// An argument only.
template <class Tag, class T>
struct Codec<As<Tag, T>> {
    static constexpr TypeId type = Tag::id;
    static constexpr Oid argument_type = Tag::id.oid;
    static constexpr Format argument = Format::text;

    static Fault encode_text(Writer& out, const As<Tag, T>& argument_value) {
        using Value = std::remove_cvref_t<T>;
        if constexpr (std::is_convertible_v<const Value&, const char*>)
            return Codec<const char*>::encode_text(out, argument_value.value());
        else
            return Codec<Value>::encode_text(out, argument_value.value());
    }
};

}  // namespace pg

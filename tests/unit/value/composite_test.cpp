// Composites, records, enums, variants and domains: both forms, the catalogue's word, and what is refused.
#include "pg/types/composite.hpp"

#include <cstdint>

#include "pg/params.hpp"
#include "pg/types/array.hpp"
#include "pg/types/enumeration.hpp"
#include "pg/types/variant.hpp"
#include "tests/unit/value/codec_check.hpp"

using namespace codec_check;

namespace {

enum class Mood : std::uint8_t { sad, ok, happy };
struct Address {
    std::string street;
    std::optional<std::string> city;
    std::int32_t number = 0;
    friend bool operator==(const Address&, const Address&) = default;
};
struct Person {
    std::string name;
    Mood mood = Mood::ok;
    std::vector<Address> homes;
    std::optional<std::int64_t> age;
    friend bool operator==(const Person&, const Person&) = default;
};
struct Node {
    std::vector<Node> children;
    friend bool operator==(const Node&, const Node&) = default;
};

}  // namespace

template <>
struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
    static constexpr TypeId type{{}, {}, "mood"};
};
template <>
struct pg::Codec<Address> : pg::CompositeCodec<Address> {
    static constexpr TypeId type{{}, {}, "public.address"};
};
template <>
struct pg::Codec<Person> : pg::CompositeCodec<Person> {
    static constexpr TypeId type{{}, {}, "person"};
};
template <>
struct pg::Codec<Node> : pg::CompositeCodec<Node> {
    static constexpr TypeId type{{}, {}, "node"};
};

namespace {

constexpr pg::Oid record{2249};
constexpr pg::Oid mood{20000};
constexpr pg::Oid address{20002};
constexpr pg::Oid address_array{20003};
constexpr pg::Oid person{20004};
constexpr pg::Oid positive{20006};
constexpr pg::Oid positive_array{20007};
constexpr pg::Oid node{20008};
constexpr pg::Oid home{20010};

// address(street varchar, city text, number positive), where positive is a domain over int4, and home one over address.
const pg::TypeCatalog& catalogue() {
    static pg::TypeCatalog types;
    static const bool filled = [] {
        using pg::Oid;
        using pg::TypeKind;
        types.add({mood, "public", "mood", TypeKind::enumeration, Oid{20001}, {}, {}, {"sad", "ok", "happy"}});
        types.add({address,
                   "public",
                   "address",
                   TypeKind::composite,
                   address_array,
                   {},
                   {{"street", Oid{1043}}, {"city", Oid{25}}, {"number", positive}},
                   {}});
        types.add({address_array, "public", "_address", TypeKind::array, {}, address, {}, {}});
        types.add({person,
                   "public",
                   "person",
                   TypeKind::composite,
                   Oid{20005},
                   {},
                   {{"name", Oid{25}}, {"mood", mood}, {"homes", address_array}, {"age", Oid{20}}},
                   {}});
        types.add({positive, "public", "positive", TypeKind::domain, positive_array, Oid{23}, {}, {}});
        types.add({positive_array, "public", "_positive", TypeKind::array, {}, positive, {}, {}});
        types.add({node, "public", "node", TypeKind::composite, Oid{20009}, {}, {{"children", Oid{20009}}}, {}});
        types.add({Oid{20009}, "public", "_node", TypeKind::array, {}, node, {}, {}});
        types.add({home, "public", "home", TypeKind::domain, {}, address, {}, {}});
        return true;
    }();
    static_cast<void>(filled);
    return types;
}

template <class T>
bool accepts(pg::Oid oid, pg::Format format = pg::Format::binary, const pg::TypeCatalog* types = &catalogue()) {
    return pg::Codec<T>::accepts({oid, format, types});
}

const Person ann{"Ann \"A\"", Mood::happy, {{"Elm, 1", "(x)", 7}, {"\\", std::nullopt, 1}, {"", "", 2}}, 42};

TEST(Composite, TravelsInBothForms) {
    expect_round_trip(Address{"Elm Street", "Springfield", 7}, address, &catalogue());
    expect_round_trip(Address{"", std::nullopt, 7}, address, &catalogue());
    expect_round_trip(ann, person, &catalogue());
    expect_round_trip(Person{}, person, &catalogue());
    expect_round_trip(std::vector<Person>{ann, {}}, pg::Oid{0}, &catalogue());
}

TEST(Composite, HasTheFormsOfTheServer) {
    EXPECT_EQ(text(Address{"Elm, 1", std::nullopt, 7}), "(\"Elm, 1\",,7)");
    EXPECT_EQ(text(Address{"", "a\"b\\c", 7}), R"(("","a""b\\c",7))");
    EXPECT_EQ(text(Address{"a b", "(", 7}), R"(("a b","(",7))");
    EXPECT_EQ(
        text(ann),
        R"X(("Ann ""A""",happy,"{""(\\""Elm, 1\\"",\\""(x)\\"",7)"",""(\\""\\\\\\\\\\"",,1)"",""(\\""\\"",\\""\\"",2)""}",42))X");
    // The attribute's own oids: varchar, and the domain.
    EXPECT_EQ(binary(Address{"x", std::nullopt, 7}, &catalogue()),
              words(3, 1043, 1) + "x" + words(25, -1) + words(20006, 4, 7));
    EXPECT_EQ(binary(std::tuple<bool, std::int32_t>{true, 7}), words(2, 16, 1) + "\1" + words(23, 4, 7));
}

TEST(Composite, AcceptsATypeWithItsFields) {
    EXPECT_TRUE(accepts<Address>(address));
    EXPECT_TRUE(accepts<Address>(home));
    EXPECT_TRUE(accepts<Address>(record));
    EXPECT_TRUE(accepts<Person>(person));
    EXPECT_TRUE(accepts<std::vector<Address>>(address_array));
    EXPECT_FALSE(accepts<Address>(person));
    EXPECT_FALSE(accepts<Address>(mood));
    EXPECT_FALSE(accepts<Address>(pg::Oid{25}));
    EXPECT_FALSE(accepts<Address>(address, pg::Format::binary, nullptr));
    struct Other {
        std::string street, city;
        std::int32_t zip;
    };
    struct OtherType {
        std::string street, city;
        bool number;
    };
    EXPECT_FALSE(pg::CompositeCodec<Other>::accepts({address, pg::Format::binary, &catalogue()}));
    EXPECT_FALSE(pg::CompositeCodec<OtherType>::accepts({address, pg::Format::binary, &catalogue()}));
    EXPECT_TRUE((accepts<std::tuple<std::string, std::string, std::int64_t>>(address)));
    EXPECT_FALSE((accepts<std::tuple<std::string, std::string>>(address)));
}

TEST(Composite, ReadsAnonymousRecords) {
    using Record = std::tuple<std::int32_t, std::optional<std::string>, std::vector<std::int32_t>>;
    expect_round_trip(Record{1, "a,b", {1, 2}}, record);
    expect_round_trip(Record{1, std::nullopt, {}}, record);
    EXPECT_EQ(decode_text<Address>("(Elm,,7)", record).value, (Address{"Elm", std::nullopt, 7}));
    EXPECT_EQ(decode_text<Address>("(\"E\"\"l\"m\\,,,7)", record).value, (Address{"E\"lm,", std::nullopt, 7}));
    static_assert(pg::Codec<std::vector<Record>>::type.oid == pg::Oid{2287});
}

TEST(Composite, SeesThatTheTypeWasAltered) {
    const std::string drifted = "composite whose attributes are not the fields of its target: altered, or unknown?";
    const std::string other_now =
        "composite that was altered since its type was learned, which the next statement does anew: repeat it";
    const std::uint64_t era = catalogue().era();
    EXPECT_EQ(decode_binary<Address>(words(2, 25, -1, 25, -1), address, &catalogue()).reason, other_now);
    EXPECT_EQ(decode_binary<Address>(words(3, 25, 0, 25, -1, 16, 0), address, &catalogue()).reason, other_now);
    EXPECT_EQ(decode_text<Address>("(a,b)", address, &catalogue()).reason, other_now);
    EXPECT_EQ(decode_text<Address>("(a,b,3,4)", address, &catalogue()).reason, other_now);
    EXPECT_EQ(catalogue().era(), era + 4) << "all that is known is asked for again";
    EXPECT_EQ(decode_text<Address>("(a,b,3)", person, &catalogue()).reason, drifted);

    pg::TypeCatalog altered;
    altered.add({address, "public", "address", pg::TypeKind::composite, {}, {}, {{"street", pg::Oid{25}}}, {}});
    EXPECT_EQ(binary(Address{}, &altered), "fault: " + drifted);
    altered.add({address,
                 "public",
                 "address",
                 pg::TypeKind::composite,
                 {},
                 {},
                 {{"street", pg::Oid{3802}}, {"city", pg::Oid{25}}, {"number", pg::Oid{23}}},
                 {}});
    EXPECT_EQ(binary(Address{}, &altered), "fault: field whose binary form is not that of its attribute");
}

TEST(Composite, NeedsTheCatalogueForTypesOfTheDatabasesOwn) {
    EXPECT_EQ(binary(Person{}),
              "fault: field of a type that the database's catalogue was not asked for: its binary form needs the oid");
    EXPECT_EQ(binary(std::vector<Address>{}),
              "fault: array of a type that the database's catalogue was not asked for: its binary form needs the oid");
    EXPECT_EQ(binary(Address{"x", "y", 1}), words(3, 25, 1) + "x" + words(25, 1) + "y" + words(23, 4, 1));
    EXPECT_EQ(pg::detail::find_oid(&catalogue(), "nothing"), pg::Oid{});
    EXPECT_EQ(pg::detail::find_array_oid(&catalogue(), pg::Oid{1}), pg::Oid{});
    EXPECT_FALSE(pg::detail::is_named({address, pg::Format::text, &catalogue()}, "other.address"));
    EXPECT_TRUE(pg::detail::is_named({address, pg::Format::text, &catalogue()}, "public.address"));
}

TEST(Composite, RefusesNullWhereItsFieldHasNone) {
    const std::string is_null = "is null, but the target cannot hold NULL: use std::optional";
    EXPECT_EQ(decode_text<Address>("(,,7)", record).reason, is_null);
    EXPECT_EQ(decode_binary<Address>(words(3, 25, -1, 25, -1, 23, -1), record).reason, is_null);
}

TEST(Composite, RefusesMalformedText) {
    for (const char* literal : {"", "(", "(a", "(a,", "(a,b,1", "(a,b,1)x", "a,b,1)", "(\"a,b,1)", "(a,b,x)", "(a\\"})
        EXPECT_NE(decode_text<Address>(literal, record).reason, "") << literal;
}

TEST(Composite, RefusesMalformedBytes) {
    EXPECT_EQ(decode_binary<std::tuple<std::int32_t>>(words(1, 23, -2), record).reason,
              "composite that ends too early");
    EXPECT_EQ(decode_binary<std::tuple<std::int32_t>>(words(1, 23, 2147483647), record).reason,
              "composite that ends too early");
    const pg::WireType wire{person, pg::Format::binary, &catalogue()};
    expect_only_whole<Person>(binary(ann, &catalogue()), wire);
    expect_only_whole<Person>(text(ann), {person, pg::Format::text, &catalogue()});
    expect_no_harm_from_damage<Person>(binary(ann, &catalogue()), wire);
    expect_no_harm_from_damage<Person>(text(ann), {person, pg::Format::text, &catalogue()});
}

TEST(Composite, PassesOnTheFaultsOfItsFields) {
    const Address bad{std::string("\0", 1), "x", 1};
    EXPECT_TRUE(text(bad).starts_with("fault: "));
    EXPECT_TRUE(binary(bad, &catalogue()).starts_with("fault: "));
    EXPECT_TRUE(text(std::vector<Address>{bad}).starts_with("fault: "));
}

TEST(Composite, StopsAtValuesNestedTooDeep) {
    // A type that holds itself, as only a hostile catalogue can say.
    EXPECT_FALSE(accepts<Node>(node));

    // Records in arrays in records, as only a hostile server can send.
    const auto nested = [](int depth) {
        std::string bytes = words(1, 2287, 12, 0, 0, 2249);
        for (int i = 0; i < depth; ++i) {
            const std::string array = words(1, 0, 2249, 1, 1, bytes.size()) + bytes;
            bytes = words(1, 2287, array.size()) + array;
        }
        return bytes;
    };
    EXPECT_EQ(decode_binary<Node>(nested(2), record).value, (Node{{Node{{Node{}}}}}));
    EXPECT_EQ(decode_binary<Node>(nested(30), record).reason, "");
    EXPECT_EQ(decode_binary<Node>(nested(100), record).reason, "values nested too deep");
    const std::string array = words(1, 0, 2249, 1, 1, nested(100).size()) + nested(100);
    EXPECT_EQ(decode_binary<std::vector<Node>>(array, pg::Oid{2287}).reason, "values nested too deep");
}

TEST(Domain, IsReadAsItsBaseTypeInsideOthers) {
    EXPECT_TRUE(accepts<std::vector<std::int32_t>>(positive_array));
    EXPECT_EQ(
        decode_binary<std::vector<std::int32_t>>(words(1, 0, 20006, 1, 1, 4, 7), positive_array, &catalogue()).value,
        (std::vector<std::int32_t>{7}));
    EXPECT_EQ(decode_text<std::vector<std::int32_t>>("{7}", positive_array, &catalogue()).value,
              (std::vector<std::int32_t>{7}));
    EXPECT_EQ(pg::detail::base_type({positive, pg::Format::text, &catalogue()}).oid, pg::Oid{23});
    pg::TypeCatalog circle;
    circle.add({pg::Oid{30000}, "public", "a", pg::TypeKind::domain, {}, pg::Oid{30001}, {}, {}});
    circle.add({pg::Oid{30001}, "public", "b", pg::TypeKind::domain, {}, pg::Oid{30000}, {}, {}});
    EXPECT_FALSE(accepts<std::vector<std::int32_t>>(pg::Oid{30000}, pg::Format::text, &circle));
}

TEST(Variant, IsReadAsTheFirstAlternativeThatAcceptsTheType) {
    using Either = std::variant<std::int32_t, std::string>;
    EXPECT_EQ(decode_text<Either>("7", pg::Oid{23}).value, Either{7});
    EXPECT_EQ(decode_text<Either>("7", pg::Oid{25}).value, Either{"7"});
    EXPECT_EQ(decode_binary<Either>(words(7), pg::Oid{23}).value, Either{7});
    EXPECT_EQ(decode_binary<Either>(words(7), pg::Oid{16}).reason,
              "value of a type that no alternative of the variant accepts");
    EXPECT_EQ(decode_text<Either>("x", pg::Oid{23}).reason, "malformed integer");
    EXPECT_TRUE(accepts<Either>(pg::Oid{25}));
    EXPECT_FALSE(accepts<Either>(pg::Oid{16}));
    EXPECT_EQ(text(Either{7}), "7");
    EXPECT_EQ(text(Either{"x"}), "x");
    EXPECT_EQ(binary(Either{7}), words(7));
    using Wider = std::variant<std::int32_t, std::int64_t>;
    EXPECT_EQ(decode_text<Wider>("5000000000", pg::Oid{20}).value, Wider{std::int64_t{5'000'000'000}});
    EXPECT_EQ(decode_text<Wider>("5", pg::Oid{20}).value, Wider{std::int32_t{5}});
    static_assert(pg::detail::borrows<std::variant<int, std::string_view>> && !pg::detail::borrows<Either>);
}

}  // namespace

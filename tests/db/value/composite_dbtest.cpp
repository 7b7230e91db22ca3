// Composites, records, enums, domains and variants against the server, nested in each other.
#include <random>

#include "pg/types/array.hpp"
#include "pg/types/composite.hpp"
#include "pg/types/enumeration.hpp"
#include "pg/types/numeric.hpp"
#include "pg/types/range.hpp"
#include "pg/types/variant.hpp"
#include "tests/db/value/database_types.hpp"

using type_check::check;
using type_check::session;

namespace {

enum class Mood : std::uint8_t { sad, ok, very_happy };

struct Address {
    std::optional<std::string> street;
    std::optional<std::string> city;
    std::int32_t number = 1;
    friend bool operator==(const Address&, const Address&) = default;
};
struct Person {
    std::string name;
    std::optional<Mood> mood;
    std::vector<std::optional<Address>> homes;
    std::vector<std::vector<pg::Range<pg::Numeric>>> scores;
    Address work;
    std::optional<bool> active;
    friend bool operator==(const Person&, const Person&) = default;
};
struct Shrunk {
    std::int32_t a = 0;
    std::string c;
    friend bool operator==(const Shrunk&, const Shrunk&) = default;
};

}  // namespace

template <>
struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
    static constexpr TypeId type{{}, {}, "mood"};
    static constexpr std::pair<Mood, std::string_view> labels[]{
        {Mood::sad, "sad"}, {Mood::ok, "ok"}, {Mood::very_happy, "very \"happy\""}};
};
template <>
struct pg::Codec<Address> : pg::CompositeCodec<Address> {
    static constexpr TypeId type{{}, {}, "address"};
};
template <>
struct pg::Codec<Person> : pg::CompositeCodec<Person> {
    static constexpr TypeId type{{}, {}, "person"};
};
template <>
struct pg::Codec<Shrunk> : pg::CompositeCodec<Shrunk> {
    static constexpr TypeId type{{}, {}, "shrunk"};
};

namespace {

const pg::TypeCatalog& catalogue() {
    static pg::TypeCatalog types;
    static const bool made = [] {
        type_check::make_types(
            types,
            "create domain house as int4 check (value > 0);"
            "create type mood as enum ('sad', 'ok', 'very \"happy\"');"
            "create type address as (street varchar(80), city text, number house);"
            "create domain home as address;"
            "create type person as (name text, mood mood, homes address[], scores numrange[], work address, active "
            "bool);"
            "create table shrunk (a int, b text, c varchar); alter table shrunk drop column b");
        return true;
    }();
    static_cast<void>(made);
    return types;
}

type_check::Options with_types() { return {.types = &catalogue()}; }

TEST(EnumTypes, ReadAndWriteTheirLabels) {
    check<Mood>("mood", {"sad", "ok", "very \"happy\""}, with_types());
    check<std::vector<std::optional<Mood>>>("mood[]", {R"({sad,NULL,"very \"happy\""})"}, with_types());
    check<pg::EnumLabel>("mood", {"ok", "very \"happy\""}, with_types());
    check<std::string>("mood", {"ok"}, with_types());
}

TEST(CompositeTypes, ReadAndWriteTheirFields) {
    check<Address>("address",
                   {"(Elm,Springfield,7)", "(,,1)", R"x(("","",2))x", R"x(("a ""b""","c\\d",3))x", R"x(("(",")",4))x",
                    "(\",\",\" \",5)", "(\xc3\xa9,\xf0\x9f\x98\x80,6)"},
                   with_types());
    check<std::vector<std::optional<Address>>>("address[]", {R"x({"(Elm,\"a, b\",7)",NULL,"(,,1)"})x", "{}"},
                                               with_types());
    check<Address>("home", {"(Elm,Springfield,7)"}, {.types = &catalogue(), .send = false});
}

TEST(CompositeTypes, ReadAndWriteRowsOfATableThatLostAColumn) {
    check<Shrunk>("shrunk", {"(1,x)", R"x((2,""))x"}, with_types());
}

TEST(CompositeTypes, ReadRecords) {
    using Record = std::tuple<std::int32_t, std::optional<std::string>, std::vector<std::int32_t>, Address>;
    for (const pg::Format format : {pg::Format::text, pg::Format::binary}) {
        const auto answer = session().ask("select row(1, $1::text, array[1,2], row('x', null, 3)::address)",
                                          {pg::Oid{}, pg::Format::text, "a,\"b"}, format);
        const Record expected{1, "a,\"b", {1, 2}, {"x", std::nullopt, 3}};
        EXPECT_EQ(type_check::decoded<Record>({answer, format, &catalogue()}), expected);
    }
}

TEST(CompositeTypes, ReadArraysOfRecords) {
    using Records = std::vector<std::tuple<std::int32_t, std::string>>;
    for (const pg::Format format : {pg::Format::text, pg::Format::binary}) {
        const auto answer = session().ask("select array_agg(row(i, $1::text)) from generate_series(1, 2) i",
                                          {pg::Oid{}, pg::Format::text, "\\"}, format);
        EXPECT_EQ(type_check::decoded<Records>({answer, format, nullptr}), (Records{{1, "\\"}, {2, "\\"}}));
    }
}

TEST(CompositeTypes, SendATupleAsTheTypeThatTheServerInfers) {
    const std::tuple<std::string, std::optional<std::string>, int> value{"a b", std::nullopt, 7};
    const auto answer = session().ask(
        "select $1::address", type_check::encoded(value, pg::Oid{}, pg::Format::text, nullptr), pg::Format::text);
    EXPECT_STREQ(PQgetvalue(answer.get(), 0, 0), "(\"a b\",,7)");
}

TEST(CompositeTypes, NoticeAnAlteredType) {
    session().run("create type drifting as (street varchar, city text, number int)");
    pg::TypeCatalog before;
    type_check::load_types(before);
    session().run("alter type drifting add attribute country text");
    pg::TypeCatalog after;
    type_check::load_types(after);
    for (const pg::Format format : {pg::Format::text, pg::Format::binary}) {
        const auto answer = session().ask("select $1::drifting", {pg::Oid{}, pg::Format::text, "(a,b,3,d)"}, format);
        const type_check::Received received(answer, format, &before);
        EXPECT_TRUE(pg::Codec<Address>::accepts(received.wire));
        Address out;
        EXPECT_TRUE(pg::Codec<Address>::decode(received.cell, received.wire, out));
        EXPECT_FALSE(pg::Codec<Address>::accepts({received.wire.oid, format, &after}));
    }
}

TEST(VariantTypes, ReadTheFirstAlternativeThatAcceptsTheType) {
    using Either = std::variant<std::int32_t, std::vector<std::int32_t>, std::string>;
    check<Either>("int4", {"7"});
    check<Either>("int4[]", {"{7,8}"});
    check<Either>("text", {"seven"});
}

class Dice {
public:
    int roll(int sides) { return static_cast<int>(random_() % static_cast<unsigned>(sides)); }
    std::optional<std::string> text() {
        static const char* const pieces[] = {"a",
                                             "B",
                                             " ",
                                             "\"",
                                             "\\",
                                             ",",
                                             "{",
                                             "}",
                                             "(",
                                             ")",
                                             "[",
                                             "NULL",
                                             "\n",
                                             "'",
                                             "\xc3\xa9",
                                             "\xe6\xbc\xa2",
                                             "\xf0\x9f\x98\x80"};
        if (roll(5) == 0) return std::nullopt;
        std::string out;
        for (int count = roll(5); count > 0; --count) out += pieces[roll(static_cast<int>(std::size(pieces)))];
        return out;
    }
    Address address() { return {text(), text(), 1 + roll(100)}; }
    pg::Range<pg::Numeric> range() {
        const int lower = roll(1000);
        return pg::Range<pg::Numeric>{pg::Numeric::from_units(lower, 2), pg::Numeric::from_units(lower + roll(9), 2),
                                      roll(2) == 0, roll(2) == 0}
            .canonical();
    }
    Person person() {
        Person person{text().value_or(""), std::nullopt, {}, {}, address(), std::nullopt};
        if (roll(3) != 0) person.mood = static_cast<Mood>(roll(3));
        if (roll(3) != 0) person.active = roll(2) == 0;
        for (int i = roll(4); i > 0; --i)
            person.homes.push_back(roll(4) == 0 ? std::nullopt : std::optional(address()));
        for (int i = roll(3), width = 1 + roll(2); i > 0; --i)
            for (person.scores.emplace_back(); std::ssize(person.scores.back()) < width;)
                person.scores.back().push_back(range());
        return person;
    }

private:
    std::mt19937 random_{7};
};

TEST(CompositeTypes, ReadAndWriteRandomPeople) {
    Dice dice;
    for (int i = 0; i < 60; ++i) {
        std::vector<Person> people;
        for (int k = dice.roll(3); k >= 0; --k) people.push_back(dice.person());
        const std::string text = type_check::encoded(people, pg::Oid{}, pg::Format::text, &catalogue()).bytes;
        check<std::vector<Person>>("person[]", {text}, with_types());
        const auto answer = session().ask("select $1::person[]", {pg::Oid{}, pg::Format::text, text}, pg::Format::text);
        EXPECT_EQ(PQgetvalue(answer.get(), 0, 0), text);
        EXPECT_EQ(type_check::decoded<std::vector<Person>>({answer, pg::Format::text, &catalogue()}), people);
    }
}

}  // namespace

// Row types and the columns of a result: what is matched, what does not fit, and what is kept for the next result.
#include "pg/row.hpp"

#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <string>
#include <tuple>
#include <vector>

#include "pg/column_matches.hpp"

namespace {

using pg::Extra;

struct User {
    std::int64_t id;
    std::string name;
};
struct Named {
    std::string name;
    std::int64_t id;
};
using Pair = std::tuple<std::int64_t, std::string>;

constexpr pg::Oid int8{20}, text{25};

/// The columns of a result without rows, with or without a place where matches are kept.
class Columns final : public pg::ResultStorage {
public:
    explicit Columns(std::vector<pg::Column> columns, pg::detail::ColumnMatches* kept = nullptr)
        : own_(std::move(columns)) {
        columns_ = own_;
        matches_ = kept;
    }

private:
    void do_read(std::size_t, std::span<const std::uint16_t>, pg::Cell*) const noexcept override {}
    pg::Cell do_cell(std::size_t, std::size_t) const noexcept override { return {}; }

    std::vector<pg::Column> own_;
};

const pg::Column id{.name = "id", .type = {int8, pg::Format::binary, nullptr}};
const pg::Column name{.name = "name", .type = {text}};
const pg::Column other{.name = "other", .type = {text}};

using Map = std::array<std::uint16_t, 2>;

/// Which columns a row type of two reads, or why it cannot.
template <class T>
pg::Expected<Map> match(const Columns& result, Extra extra = Extra::refuse) {
    Map map{};
    pg::detail::ColumnMap found{};
    auto matched = pg::detail::match_columns(result, pg::detail::RowShape<T>::targets, extra, map.data(), found);
    if (!matched) return std::move(matched).error();
    std::copy_n(found.numbers, map.size(), map.data());
    return map;
}
template <class T>
std::string misfit(const Columns& result, Extra extra = Extra::refuse) {
    const pg::Expected<Map> map = match<T>(result, extra);
    if (map) return "it fits";
    EXPECT_EQ(map.error().kind(), pg::ErrorKind::shape);
    constexpr std::string_view beginning = "the result does not fit its row type: ";
    EXPECT_TRUE(map.error().message().starts_with(beginning));
    return std::string(map.error().message().substr(beginning.size()));
}

}  // namespace

TEST(RowType, FindsItsFieldsByNameInWhateverOrder) {
    EXPECT_EQ(match<User>(Columns({id, name})).value(), (Map{0, 1}));
    EXPECT_EQ(match<User>(Columns({name, id})).value(), (Map{1, 0}));
    EXPECT_EQ(match<User>(Columns({other, name, id}), Extra::ignore).value(), (Map{2, 1}));
}

TEST(RowType, SaysWhichColumnsAndFieldsHaveNoPartner) {
    EXPECT_EQ(misfit<User>(Columns({id, name, other})), "column \"other\" has no field");
    EXPECT_EQ(misfit<User>(Columns({id})), "field \"name\" has no column");
    EXPECT_EQ(misfit<User>(Columns({id, name, name})), "two columns are named \"name\"");
    EXPECT_EQ(misfit<User>(Columns({id, name, id}), Extra::ignore), "two columns are named \"id\"");
}

TEST(RowType, OfATupleTakesColumnsByPosition) {
    EXPECT_EQ(match<Pair>(Columns({id, other})).value(), (Map{0, 1}));
    EXPECT_EQ(match<Pair>(Columns({id, name, other}), Extra::ignore).value(), (Map{0, 1}));
    EXPECT_EQ(misfit<Pair>(Columns({id, name, other})), "it has 3 columns, the row type 2");
    EXPECT_EQ(misfit<Pair>(Columns({id}), Extra::ignore), "it has 1 columns, the row type 2");
}

TEST(RowType, SaysWhichTypesDoNotFit) {
    EXPECT_EQ(misfit<Pair>(Columns({name, id})),
              "column \"name\" is text, its target takes int8; column \"id\" is int8, its target takes text");
}

TEST(ColumnMatches, KeepWhatFitted) {
    pg::detail::ColumnMatches kept;
    EXPECT_EQ(match<User>(Columns({name, id}, &kept)).value(), (Map{1, 0}));
    EXPECT_EQ(match<User>(Columns({id, name}, &kept)).value(), (Map{1, 0})) << "it is not looked for again";
}

TEST(ColumnMatches, OfColumnsInTheirOrderAreKnownByTheirPlace) {
    const auto is_in_order = [](const Columns& result) {
        Map map{};
        pg::detail::ColumnMap found{};
        pg::detail::match_columns(result, pg::detail::RowShape<User>::targets, Extra::ignore, map.data(), found)
            .value();
        return pg::detail::are_in_order({found.numbers, map.size()});
    };
    EXPECT_TRUE(is_in_order(Columns({id, name})));
    EXPECT_TRUE(is_in_order(Columns({id, name, other})));
    EXPECT_FALSE(is_in_order(Columns({name, id})));
    EXPECT_FALSE(is_in_order(Columns({other, id, name})));
    pg::detail::ColumnMatches kept, kept_otherwise;
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(is_in_order(Columns({id, name}, &kept)));
        EXPECT_FALSE(is_in_order(Columns({name, id}, &kept_otherwise)));
    }
}

TEST(ColumnMatches, KeepNothingThatDidNotFit) {
    pg::detail::ColumnMatches kept;
    const Columns result({id, other}, &kept);
    for (int i = 0; i < 2; ++i)
        EXPECT_EQ(misfit<User>(result), "column \"other\" has no field; field \"name\" has no column");
}

TEST(ColumnMatches, AreThoseOfOneRowTypeAndOneWordOnExtraColumns) {
    pg::detail::ColumnMatches kept;
    const Columns result({id, name, other}, &kept);
    EXPECT_EQ(match<User>(result, Extra::ignore).value(), (Map{0, 1}));
    EXPECT_EQ(match<Named>(result, Extra::ignore).value(), (Map{1, 0}));
    EXPECT_EQ(misfit<User>(result), "column \"other\" has no field");
    EXPECT_EQ(match<User>(result, Extra::ignore).value(), (Map{0, 1})) << "the first stays";
}

// Sinks that are begun again: what they know of columns, and what they show of the time before.
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <tuple>
#include <utility>

#include "pg/column_matches.hpp"
#include "pg/executor.hpp"

namespace {

using pg::Extra;

struct User {
    std::int64_t id;
    std::string name;
};

constexpr pg::Oid int8{20}, text{25};

/// The columns of results to come.
class Columns final : public pg::ResultStorage {
public:
    explicit Columns(std::vector<pg::Column> columns) : own_(std::move(columns)) {
        columns_ = own_;
        matches_ = &kept_;
    }

private:
    void do_read(std::size_t, std::span<const std::uint16_t>, pg::Cell*) const noexcept override {}
    pg::Cell do_cell(std::size_t, std::size_t) const noexcept override { return {}; }

    std::vector<pg::Column> own_;
    pg::detail::ColumnMatches kept_;
};

/// One row of these columns, each of whose values is its number: an int8 or a text.
class OneRow final : public pg::ResultStorage {
public:
    explicit OneRow(const pg::ResultStorage& description, bool is_null = false) : is_null_(is_null) {
        columns_ = description.columns();
        matches_ = description.matches();
        rows_ = 1;
    }

private:
    void do_read(std::size_t row, std::span<const std::uint16_t> columns, pg::Cell* out) const noexcept override {
        for (const std::uint16_t column : columns) *out++ = do_cell(row, column);
    }
    pg::Cell do_cell(std::size_t, std::size_t column) const noexcept override {
        if (is_null_) return {};
        static constexpr char numbers[][9] = {"\0\0\0\0\0\0\0\0", "\0\0\0\0\0\0\0\1", "\0\0\0\0\0\0\0\2"};
        if (columns_[column].type.oid == int8) return {numbers[column], 8};
        return {&"012"[column], 1};
    }

    const bool is_null_;
};

const pg::Column id{.name = "id", .type = {int8, pg::Format::binary, nullptr}};
const pg::Column name{.name = "name", .type = {text}};
const pg::Column number{.name = "name", .type = {int8, pg::Format::binary, nullptr}};

}  // namespace

TEST(RowSink, KnowsAgainWhatItWasBegunWithAndNothingElse) {
    const Columns in_order({id, name}), turned({name, id});
    pg::detail::OneRow<User> sink(Extra::refuse);
    const auto taken = [&](const Columns& columns) {
        EXPECT_TRUE(sink.begin(columns));
        sink.take(OneRow(columns));
        const User user = sink.copied_answer("").value();
        return std::pair(user.id, user.name);
    };
    const std::pair<std::int64_t, std::string> first{0, "1"}, second{1, "0"};
    EXPECT_EQ(taken(in_order), first);
    EXPECT_EQ(taken(in_order), first);
    EXPECT_EQ(taken(turned), second);
    EXPECT_EQ(taken(in_order), first);
    sink.restart();
    sink.conclude(pg::Result(std::make_shared<OneRow>(turned)));
    EXPECT_EQ(sink.copied_answer("").value().id, 1);
    EXPECT_EQ(taken(in_order), first) << "its columns were matched otherwise meanwhile";
}

TEST(RowSink, BegunAgainShowsNothingOfWhatItTook) {
    const Columns columns({id, name});
    pg::detail::MaybeRow<std::tuple<std::int64_t, std::string>> sink(Extra::refuse);
    EXPECT_TRUE(sink.begin(columns));
    EXPECT_FALSE(sink.copied_answer("").value()) << "no row came";
    sink.take(OneRow(columns));
    EXPECT_TRUE(sink.copied_answer("").value());
    EXPECT_TRUE(sink.begin(columns));
    EXPECT_FALSE(sink.copied_answer("").value()) << "the one before is gone";
}

TEST(RowSink, BegunAgainForgetsWhatWasWrong) {
    const Columns unfit({id, number}), nothing_else({id, name});
    pg::detail::OneRow<User> sink(Extra::refuse);
    for (int time = 0; time < 2; ++time) {
        EXPECT_TRUE(sink.begin(unfit));
        sink.take(OneRow(unfit));
        EXPECT_EQ(sink.copied_answer("").error().kind(), pg::ErrorKind::shape);
        EXPECT_TRUE(sink.begin(nothing_else));
        sink.take(OneRow(nothing_else));
        EXPECT_EQ(sink.copied_answer("").value().name, "1");
    }
    EXPECT_TRUE(sink.begin(nothing_else));
    sink.take(OneRow(nothing_else, true));
    EXPECT_EQ(sink.copied_answer("").error().kind(), pg::ErrorKind::decode);
    EXPECT_TRUE(sink.begin(nothing_else));
    sink.take(OneRow(nothing_else));
    EXPECT_EQ(sink.copied_answer("").value().name, "1");
}

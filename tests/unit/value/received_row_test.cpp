// Rows that are read where they were received, and when they are read cell by cell instead.
#include <gtest/gtest.h>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "pg/row.hpp"
#include "pg/types/datetime.hpp"

namespace {

constexpr pg::Oid int4{23}, int8{20}, text{25}, timestamptz{1184};

template <class T>
std::string network(T value) {
    std::string bytes(sizeof(T), '\0');
    pg::detail::store_big_endian(bytes.data(), value);
    return bytes;
}

using Value = std::optional<std::string>;

/// The body of a DataRow behind the length of its message.
std::string message(const std::vector<Value>& values) {
    std::string body = network(static_cast<std::int16_t>(values.size()));
    for (const Value& value : values)
        body += network(value ? static_cast<std::int32_t>(value->size()) : -1) + value.value_or("");
    return network(static_cast<std::int32_t>(body.size() + 4)) + body;
}

/// One row that lies as it was received, and counts how often it is read in the other way.
class Received final : public pg::ResultStorage {
public:
    Received(std::vector<pg::Column> columns, std::string row) : own_(std::move(columns)), row_(std::move(row)) {
        columns_ = own_;
        rows_ = 1;
        received_ = &body_;
    }
    [[nodiscard]] int read_by_cell() const { return reads_; }

private:
    void do_read(std::size_t, std::span<const std::uint16_t> columns, pg::Cell* out) const noexcept override {
        ++reads_;
        for (std::size_t i = 0; i < columns.size(); ++i) *out++ = {};
    }
    pg::Cell do_cell(std::size_t, std::size_t) const noexcept override { return {}; }

    std::vector<pg::Column> own_;
    std::string row_;
    const char* body_ = row_.data() + 4;
    mutable int reads_ = 0;
};

std::vector<pg::Column> columns(std::vector<pg::Oid> types, pg::Format format = pg::Format::binary) {
    std::vector<pg::Column> made;
    for (const pg::Oid type : types) made.push_back({.name = "c", .type = {type, format, nullptr}});
    return made;
}

/// The row as `T`, when it was read in place.
template <class T>
std::optional<T> in_place(const Received& result, pg::Extra extra = pg::Extra::refuse) {
    pg::detail::RowReader<T> reader;
    EXPECT_TRUE(reader.match(result, extra));
    T row{};
    const pg::Fault fault = reader.read(0, row);
    if (result.read_by_cell() != 0) return std::nullopt;
    EXPECT_FALSE(fault);
    return row;
}

const std::string one_two = message({network(1), network(std::int64_t{2})});

}  // namespace

TEST(ReceivedRow, IsReadWhereItLies) {
    using Row = std::tuple<std::int32_t, std::string, std::optional<std::int64_t>, std::optional<std::string>,
                           pg::TimestampTz, std::string>;
    const std::string a_long_text(100, 'x');
    const Received result(columns({int4, text, int8, text, timestamptz, text}),
                          message({network(-5), "some text", network(std::int64_t{1} << 40), std::nullopt,
                                   network(std::int64_t{7}), a_long_text}));
    const std::optional<Row> row = in_place<Row>(result);
    ASSERT_TRUE(row);
    EXPECT_EQ(*row, Row(-5, "some text", std::int64_t{1} << 40, std::nullopt, pg::TimestampTz{7}, a_long_text));
}

TEST(ReceivedRow, ReplacesWhatItsTargetHad) {
    using Row = std::tuple<std::optional<std::int32_t>, std::string>;
    const Received result(columns({int4, text}), message({std::nullopt, "new"}));
    pg::detail::RowReader<Row> reader;
    ASSERT_TRUE(reader.match(result));
    Row row{4, std::string(50, 'o')};
    ASSERT_FALSE(reader.read(0, row));
    EXPECT_EQ(row, Row(std::nullopt, "new"));
}

TEST(ReceivedRow, MayHaveAnIntegerOfAnotherSize) {
    const Received result(columns({int4, int8}), one_two);
    EXPECT_EQ((in_place<std::tuple<std::int64_t, std::int16_t>>(result)),
              (std::tuple<std::int64_t, std::int16_t>(1, 2)));
}

TEST(ReceivedRow, IsReadByCellWhereAValueIsRefused) {
    const Received null(columns({int4, int8}), message({std::nullopt, network(std::int64_t{2})}));
    EXPECT_FALSE((in_place<std::tuple<std::int32_t, std::int64_t>>(null)));
    const Received large(columns({int4, int8}), message({network(1), network(std::int64_t{1} << 40)}));
    EXPECT_FALSE((in_place<std::tuple<std::int32_t, std::int32_t>>(large)));
}

TEST(ReceivedRow, IsReadByCellWhereItIsNotAllOfTheRowType) {
    using Row = std::tuple<std::int32_t, std::int64_t>;
    EXPECT_TRUE(in_place<Row>(Received(columns({int4, int8}), one_two)));
    EXPECT_FALSE(in_place<Row>(Received(columns({int4, int8, text}), one_two), pg::Extra::ignore));
    EXPECT_FALSE(in_place<Row>(Received(columns({int4, int8}, pg::Format::text), one_two)));
    pg::detail::RowReader<Row> reader;
    const Received result(columns({int4, int8}), one_two);
    ASSERT_TRUE(reader.match(result));
    const Received mixed({{.name = "c", .type = {int4, pg::Format::binary, nullptr}},
                          {.name = "c", .type = {int8, pg::Format::text, nullptr}}},
                         one_two);
    EXPECT_FALSE(in_place<Row>(mixed));
}

TEST(ReceivedRow, IsReadByCellWhereItsBytesMakeNoSense) {
    using Row = std::tuple<std::optional<std::string>, std::optional<std::string>>;
    const auto of = [](std::string body) {
        return Received(columns({text, text}), network(static_cast<std::int32_t>(body.size() + 4)) + std::move(body));
    };
    const std::string count = network(std::int16_t{2}), one = network(std::int32_t{1}),
                      null = network(std::int32_t{-1});
    EXPECT_TRUE(in_place<Row>(of(count + one + "a" + null)));
    for (const std::string& body :
         {std::string(), count, network(std::int16_t{1}) + one + "a" + null,
          network(std::int16_t{3}) + one + "a" + null, count + one + "a" + one, count + one + "a" + null + "b",
          count + one + "a" + network(std::int32_t{-2}), count + network(std::int32_t{2}) + "a" + null,
          count + null + network(std::int32_t{0x7fffffff})})
        EXPECT_FALSE(in_place<Row>(of(body))) << ::testing::PrintToString(body);
}

TEST(ReceivedRow, OfAnotherPartIsReadThere) {
    pg::detail::RowReader<std::string> reader;
    const Received first(columns({text}), message({"first"})), second(columns({text}), message({"second"}));
    ASSERT_TRUE(reader.match(first));
    reader.rebind(second);
    std::string row;
    ASSERT_FALSE(reader.read(0, row));
    EXPECT_EQ(row, "second");
}

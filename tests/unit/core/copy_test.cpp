// COPY: streams of bytes, and typed rows into the binary form.
#include <ranges>

#include "copy_fixture.hpp"
#include "pg/types/array.hpp"

namespace copying {
namespace {

/// So many bytes, behind which its codec may give up.
struct Blob {
    std::size_t size;
    bool throws = false;
};

}  // namespace
}  // namespace copying

template <>
struct pg::Codec<copying::Blob> {
    static constexpr TypeId type{Oid{17}, Oid{}, "bytea"};
    static constexpr Format argument = Format::binary;
    static Fault encode(Writer& out, const copying::Blob& blob) {
        for (std::size_t i = 0; i < blob.size; ++i) out.put('x');
        if (blob.throws) throw std::length_error("no more");
        return {};
    }
};

/// A number that the library has no codec for.
template <>
struct pg::Codec<std::int8_t> {
    static constexpr TypeId type{Oid{21}, Oid{1005}, "int2"};
    static constexpr Format argument = Format::binary;
    static Fault encode(Writer& out, std::int8_t value) {
        out.put(std::int16_t{value});
        return {};
    }
};

namespace copying {
namespace {

// ---- bytes ---------------------------------------------------------------------------------------

TEST_F(Copy, StreamsBytesIn) {
    server.copy_columns = 2;
    pg::CopyWriter copy(db.client, "copy t from stdin");
    EXPECT_EQ(copy.columns(), 2u);
    copy.write("1\ta\n");
    copy.write("2\tb\n");
    EXPECT_FALSE(is_free());
    EXPECT_EQ(copy.finish(), 7u);
    EXPECT_EQ(server.copied, "1\ta\n2\tb\n");
    EXPECT_TRUE(is_free());
    EXPECT_EQ(copy.columns(), 0u);
    EXPECT_THROW(copy.write("3"), pg::UsageError);
    EXPECT_THROW(copy.finish(), pg::UsageError);
    EXPECT_THROW(copy.fail("late"), pg::UsageError);
}

TEST_F(Copy, GivesUpBytesThatWereNotFinished) {
    {
        pg::CopyWriter copy(db.client, "copy t from stdin");
    }
    EXPECT_EQ(server.take_log(), (Lines{"copy t from stdin", "copy given up"}));
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, FailsBytesWithAReason) {
    pg::CopyWriter copy(db.client, "copy t from stdin");
    copy.fail("no more");
    EXPECT_EQ(server.take_log(), (Lines{"copy t from stdin", "copy failed: no more"}));
}

TEST_F(Copy, EndsWithTheFirstErrorOfAWrite) {
    pg::CopyWriter copy(db.client, "copy t from stdin");
    server.copy_error = server_error("22P02");
    EXPECT_THROW(copy.write("x\n"), pg::ServerError);
    EXPECT_THROW(copy.write("y\n"), pg::UsageError);
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, BoundsEachWaitByTheTimeoutOfItsStatement) {
    pg::CopyWriter copy(db.client, pg::Query{.sql = "copy t from stdin", .timeout = pg::no_timeout});
    copy.write("x");
    EXPECT_TRUE(server.last_wait.deadline.is_never());
    copy.finish();
    auto tuned = db.client.with({.timeout = pg::no_timeout});
    pg::CopyReader reader(tuned, "copy t to stdout");
    EXPECT_EQ(reader.read(), std::nullopt);
    EXPECT_TRUE(server.last_wait.deadline.is_never());
}

TEST_F(Copy, HasItsTimeoutForEachPieceOfALongWrite) {
    constexpr std::size_t piece = 1024 * 1024;
    pg::CopyWriter copy(db.client, "copy t from stdin");
    const std::string bytes = std::string(piece, 'a') + std::string(piece, 'b') + "c";
    copy.write(bytes);
    ASSERT_EQ(server.writes.size(), 3u);
    EXPECT_EQ(server.writes[0].size, piece);
    EXPECT_EQ(server.writes[1].size, piece);
    EXPECT_EQ(server.writes[2].size, 1u);
    EXPECT_LT(server.writes[0].deadline, server.writes[1].deadline);
    EXPECT_LT(server.writes[1].deadline, server.writes[2].deadline);
    EXPECT_EQ(server.copied, bytes);
    copy.write(std::string(piece, 'd'));
    copy.write("");
    EXPECT_EQ(server.writes.size(), 5u) << "one each";
    server.copy_error = server_error("22P02");
    EXPECT_THROW(copy.write(bytes), pg::ServerError);
    EXPECT_EQ(server.writes.size(), 5u) << "nothing behind an error";
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, ChecksTextsThatAreKnownAtRunTime) {
    const auto in = pg::CopyWriter::try_open(db.client, pg::runtime("copy t from stdin; drop table t"));
    ASSERT_FALSE(in);
    EXPECT_EQ(in.error().kind(), pg::ErrorKind::usage);
    EXPECT_THROW(pg::CopyReader(db.client, pg::runtime("")), pg::UsageError);
    EXPECT_EQ(server.take_log(), Lines{});
}

TEST_F(Copy, WasNotSentWhenItsColumnsCouldNotBeAskedFor) {
    for (const pg::ErrorKind kind :
         {pg::ErrorKind::cancelled, pg::ErrorKind::timeout, pg::ErrorKind::connection_lost}) {
        server.descriptions.emplace_back(
            pg::Error({.kind = kind, .outcome = pg::Outcome::applied, .message = "as the statement finished"}));
        const auto copy = pg::CopyIn<int>::try_open(db.client, "t");
        ASSERT_FALSE(copy);
        EXPECT_EQ(copy.error().kind(), kind);
        EXPECT_EQ(copy.error().outcome(), pg::Outcome::not_sent);
        EXPECT_EQ(copy.error().message().ends_with("before the statement was sent, while its columns were asked for"),
                  kind != pg::ErrorKind::connection_lost)
            << copy.error().what();
    }
}

TEST_F(Copy, SaysWhyItCouldNotBegin) {
    server.answer("copy t from stdin", server_error("42P01"));
    server.answer("copy t to stdout", server_error("42P01"));
    EXPECT_THROW(pg::CopyWriter(db.client, "copy t from stdin"), pg::ServerError);
    EXPECT_THROW(pg::CopyReader(db.client, "copy t to stdout"), pg::ServerError);
    EXPECT_TRUE(is_free());
    db.client.close();
    EXPECT_THROW(pg::CopyWriter(db.client, "copy t from stdin"), pg::UsageError);
    EXPECT_THROW(pg::CopyReader(db.client, "copy t to stdout"), pg::UsageError);
}

TEST_F(Copy, StreamsBytesOut) {
    server.pieces = {"1\ta\n", "2\tb\n"};
    pg::CopyReader copy(db.client, "copy t to stdout");
    EXPECT_EQ(copy.read(), "1\ta\n");
    EXPECT_EQ(copy.read(), "2\tb\n");
    EXPECT_EQ(copy.read(), std::nullopt);
    EXPECT_TRUE(is_free());
    EXPECT_EQ(copy.read(), std::nullopt);
}

TEST_F(Copy, EndsWithTheFirstErrorOfARead) {
    pg::CopyReader copy(db.client, "copy t to stdout");
    server.copy_error = server_error("57014", pg::ErrorKind::cancelled);
    EXPECT_THROW(static_cast<void>(copy.read()), pg::Cancelled);
    EXPECT_THROW(static_cast<void>(copy.read()), pg::UsageError) << "no end: there may have been more";
    EXPECT_TRUE(is_free());
}

// ---- rows in -------------------------------------------------------------------------------------

TEST_F(Copy, WritesStructsByTheNamesOfTheirFields) {
    describe({{"area", 23}, {"code", 25}});
    pg::CopyIn<Country> copy(db.client, "countries (area, code)");
    copy.write({"at", 84047});
    copy.write({.code = "xx", .area = std::nullopt});
    EXPECT_EQ(copy.finish(), 7u);
    EXPECT_EQ(server.take_log(),
              (Lines{"describe select area, code from countries",
                     "copy countries (\"code\", \"area\") from stdin (format binary)", "copy finished"}));
    EXPECT_EQ(server.copied, header + two_rows + trailer);
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, NamesTheFieldsWhenTheTargetListsNoColumns) {
    describe({{"code", 25}, {"area", 23}});
    pg::CopyIn<Country> copy(db.client, " public.\"odd (name\" ");
    EXPECT_EQ(server.take_log(), (Lines{"describe select \"code\", \"area\" from public.\"odd (name\"",
                                        "copy public.\"odd (name\" (\"code\", \"area\") from stdin (format binary)"}));
}

TEST_F(Copy, WritesTuplesAndValuesByPosition) {
    describe({{"x", 25}, {"y", 23}});
    pg::CopyIn<std::string_view, std::optional<std::int32_t>> copy(db.client, "countries");
    copy.write({"at", 84047});
    copy.write("xx", std::nullopt);
    copy.finish();
    EXPECT_EQ(server.take_log()[1], "copy countries from stdin (format binary)");
    EXPECT_EQ(server.copied, header + two_rows + trailer);
}

TEST_F(Copy, WritesSingleValuesOfEverySize) {
    describe({{"x", 16}});
    EXPECT_EQ(pg::copy_rows(db.client, "flags", std::vector<bool>{true, false}), 7u);
    EXPECT_EQ(server.copied, header + "\0\1\0\0\0\1\1\0\1\0\0\0\1\0"s + trailer);
    server.copied.clear();
    describe({{"x", 701}});
    pg::copy_rows(db.client, "doubles", std::vector<double>{1.0});
    EXPECT_EQ(server.copied, header + "\0\1\0\0\0\x8\x3f\xf0\0\0\0\0\0\0"s + trailer);
    server.copied.clear();
    describe({{"x", 700}});
    pg::copy_rows(db.client, "floats", std::vector<std::optional<float>>{1.0F});
    EXPECT_EQ(server.copied, header + "\0\1\0\0\0\4\x3f\x80\0\0"s + trailer);
}

static_assert(std::ranges::input_range<pg::CopyOut<int>> && std::ranges::input_range<pg::Stream<int>>);

TEST_F(Copy, WritesWhatIsARangeOnlyOnce) {
    describe({{"x", 23}});
    const std::vector<int> numbers{1, 2, 3};
    auto odd = numbers | std::views::filter([](int n) { return n % 2 != 0; });
    pg::copy_rows(db.client, "numbers", odd);
    EXPECT_EQ(server.copied, header + "\0\1\0\0\0\4\0\0\0\1\0\1\0\0\0\4\0\0\0\3"s + trailer);
}

TEST_F(Copy, WritesArraysOfWhatBorrows) {
    describe({{"x", 1009}});
    pg::copy_rows(db.client, "texts", std::vector<std::vector<std::string_view>>{{"a"}});
    EXPECT_NE(server.copied.find("\0\0\0\1a"s), std::string::npos);
}

TEST_F(Copy, RefusesWhatIsWrittenToOneThatWasMovedFrom) {
    describe({{"x", 23}});
    pg::CopyIn<int> copy(db.client, "numbers");
    const auto moved = std::move(copy);
    EXPECT_EQ(copy.try_write(1).error().kind(), pg::ErrorKind::usage);
    EXPECT_EQ(copy.try_finish().error().kind(), pg::ErrorKind::usage);
    EXPECT_EQ(copy.try_fail("no").error().kind(), pg::ErrorKind::usage);
}

TEST_F(Copy, WritesANumberAsItsCodecDoes) {
    describe({{"x", 21}});
    pg::copy_rows(db.client, "small", std::array<std::int8_t, 1>{5});
    EXPECT_EQ(server.copied, header + "\0\1\0\0\0\2\0\5"s + trailer);
}

TEST_F(Copy, SendsInPieces) {
    describe({{"a", 23}, {"b", 20}});
    pg::CopyIn<Numbers> copy(db.client, "numbers");
    std::size_t rows = 0;
    while (server.copied.empty()) {
        copy.write({1, 2});
        ++rows;
    }
    EXPECT_GE(server.copied.size(), pg::detail::CopySink::piece);
    EXPECT_EQ(server.copied.size(), header.size() + rows * (2 + 8 + 12));
    const std::string large(200'000, 'x');
    server.copied.clear();
    copy.finish();
    describe({{"code", 25}, {"area", 23}});
    pg::CopyIn<Country> texts(db.client, "countries");
    texts.write({large, 1});
    EXPECT_EQ(server.copied.size(), trailer.size() + header.size() + 2 + 4 + large.size() + 8);
}

struct Event {
    std::string name;
    std::chrono::sys_time<std::chrono::nanoseconds> at;
};
constexpr std::chrono::sys_days start_of_time = std::chrono::year{2000} / 1 / 1;

TEST_F(Copy, DropsARowThatHasNoWireFormAndGoesOn) {
    describe({{"name", 25}, {"at", 1184}});
    pg::CopyIn<Event> copy(db.client, "events");
    copy.write({"a", start_of_time});
    const auto bad = copy.try_write({"dropped", start_of_time + 1ns});
    ASSERT_FALSE(bad);
    EXPECT_EQ(bad.error().kind(), pg::ErrorKind::encode);
    EXPECT_EQ(bad.error().message(),
              "column 2 \"at\" of row 2: time that is no whole number of microseconds, or out of range: use "
              "std::chrono::floor");
    copy.write({"b", start_of_time + 1us});
    copy.finish();
    EXPECT_EQ(server.copied,
              header + "\0\2\0\0\0\1a\0\0\0\x8\0\0\0\0\0\0\0\0"s + "\0\2\0\0\0\1b\0\0\0\x8\0\0\0\0\0\0\0\1"s + trailer);
}

TEST_F(Copy, DropsARowWhoseCodecThrowsAndGoesOn) {
    describe({{"a", 23}, {"b", 17}});
    pg::CopyIn<std::int32_t, Blob> copy(db.client, "t");
    copy.write(1, Blob{3});
    EXPECT_THROW(copy.write(2, Blob{200'000, true}), std::length_error) << "when the buffer had grown for it";
    EXPECT_THROW(copy.write(2, Blob{0, true}), std::length_error);
    copy.write(3, Blob{1});
    copy.finish();
    EXPECT_EQ(server.copied, header + "\0\2\0\0\0\4\0\0\0\1\0\0\0\3xxx"s + "\0\2\0\0\0\4\0\0\0\3\0\0\0\1x"s + trailer);
}

TEST_F(Copy, NamesColumnsWithoutANameByTheirNumber) {
    db.types->add(type(20001, "mood", pg::TypeKind::enumeration));
    describe({{"a", 23}, {"b", 20001}});
    pg::CopyIn<std::int32_t, Mood> copy(db.client, "t");
    EXPECT_EQ(copy.try_write(1, static_cast<Mood>(7)).error().message(),
              "column 2 of row 1: value of an enumeration that has no label");
}

TEST_F(Copy, MakesRoomForValuesWhoseSizeNobodyKnowsBefore) {
    db.types->add(type(20001, "mood", pg::TypeKind::enumeration));
    describe({{"a", 25}, {"b", 20001}, {"c", 25}, {"d", 23}});
    pg::CopyIn<std::optional<std::string>, std::optional<Mood>, std::string_view, std::int32_t> copy(db.client, "t");
    copy.write("x", Mood::sad, "", 5);
    copy.write(std::nullopt, std::nullopt, "yz", 6);
    copy.finish();
    EXPECT_EQ(server.copied, header + "\0\4\0\0\0\1x\0\0\0\3sad\0\0\0\0\0\0\0\4\0\0\0\5"s +
                                 "\0\4\377\377\377\377\377\377\377\377\0\0\0\2yz\0\0\0\4\0\0\0\6"s + trailer);
}

TEST_F(Copy, RefusesARowOfMoreThanAGigabyteBeforeItIsWritten) {
    describe({{"a", 23}, {"b", 25}, {"c", 25}});
    pg::CopyIn<std::int32_t, std::string_view, std::string_view> copy(db.client, "t");
    const std::string_view half("", pg::max_value_size / 2);  // nobody looks at what is behind it
    const auto row = copy.try_write(1, half, half);
    ASSERT_FALSE(row);
    EXPECT_EQ(row.error().message(), "column 3 of row 1: brings the row over 1 GiB: use a large object");
    copy.finish();
    EXPECT_EQ(server.copied, header + trailer);
}

TEST_F(Copy, NamesEveryColumnThatDoesNotTakeWhatIsSent) {
    describe({{"code", 3802}, {"area", 20}});
    const pg::Error error = refusal("countries");
    EXPECT_EQ(error.kind(), pg::ErrorKind::shape);
    EXPECT_EQ(error.outcome(), pg::Outcome::not_sent);
    EXPECT_EQ(error.message(),
              "the result does not fit its row type: column \"code\" is jsonb, its target takes text; column \"area\" "
              "is int8, its target takes int4");
    EXPECT_EQ(error.sql(), "copy countries (\"code\", \"area\")");
    EXPECT_EQ(server.take_log().size(), 1u) << "the COPY does not begin";
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, TakesTextForEveryTypeWhoseBinaryFormIsItsText) {
    for (const std::uint32_t oid : {25u, 1043u, 1042u, 19u, 114u, 142u}) {
        describe({{"x", oid}});
        EXPECT_TRUE(pg::CopyIn<std::string>::try_open(db.client, "t")) << oid;
    }
    for (const std::uint32_t oid : {17u, 23u, 3802u, 2950u}) {
        describe({{"x", oid}});
        EXPECT_FALSE(pg::CopyIn<std::string>::try_open(db.client, "t")) << oid;
    }
}

TEST_F(Copy, KnowsTheTypesOfTheDatabase) {
    db.types->add(type(20001, "mood", pg::TypeKind::enumeration));
    db.types->add(type(20002, "other", pg::TypeKind::enumeration));
    db.types->add(type(20003, "citext", pg::TypeKind::base));
    pg::TypeInfo single = type(20004, "single", pg::TypeKind::composite);
    single.fields.push_back({"x", pg::Oid{23}});
    db.types->add(std::move(single));
    db.types->add(type(20005, "none", pg::TypeKind::composite));
    const auto takes = [&]<class T>(std::type_identity<T>, std::uint32_t oid) {
        describe({{"x", oid}});
        if (const pg::TypeInfo* known = db.types->find(pg::Oid{oid}))
            db.types->add(*known);  // a refusal made it doubtful
        if (oid == 20004)
            server.answer_next_unscripted(
                fake::catalogue({{"20004", "public", "single", "c", "C", "0", "0", "{x}", "{23}", "{}"}}));
        if (oid == 20005)
            server.answer_next_unscripted(
                fake::catalogue({{"20005", "public", "none", "c", "C", "0", "0", "{}", "{}", "{}"}}));
        return pg::CopyIn<T>::try_open(db.client, "t").has_value();
    };
    constexpr std::type_identity<Mood> mood;
    constexpr std::type_identity<pg::EnumLabel> label;
    constexpr std::type_identity<std::string> text;
    constexpr std::type_identity<std::tuple<std::tuple<std::int32_t>>> record;
    EXPECT_TRUE(takes(mood, 20001));
    EXPECT_FALSE(takes(mood, 20002));
    EXPECT_TRUE(takes(label, 20001));
    EXPECT_TRUE(takes(label, 20002));
    EXPECT_FALSE(takes(label, 25));
    EXPECT_TRUE(takes(text, 20001));
    EXPECT_TRUE(takes(text, 20003));
    EXPECT_FALSE(takes(text, 20004));
    EXPECT_TRUE(takes(record, 20004));
    EXPECT_FALSE(takes(record, 20001));
    EXPECT_FALSE(takes(record, 20005)) << "it has no field";
}

TEST_F(Copy, RefusesAnotherNumberOfColumnsThanTheServerExpects) {
    describe({{"code", 25}, {"area", 23}});
    server.copy_columns = 3;
    const pg::Error error = refusal("countries");
    EXPECT_EQ(error.kind(), pg::ErrorKind::shape);
    EXPECT_EQ(error.message(), "the COPY takes 3 columns, the row type has 2; list the columns in the target");
    EXPECT_EQ(server.take_log().back(), "copy given up");
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, RefusesTargetsThatCannotBeOne) {
    for (const char* target : {"", "  \n", "t (a", "t ()", "()", "(select 1)", "t (a); drop table t (b)", "t (\"a)"}) {
        EXPECT_EQ(refusal(target).kind(), pg::ErrorKind::usage) << target;
        EXPECT_EQ(server.take_log(), Lines{}) << target;
    }
    EXPECT_EQ(refusal(" ").message(), "COPY target \"\" is empty; a table, a table (column, …) or a (query) is wanted");
}

TEST_F(Copy, SaysWhyRowsCouldNotBegin) {
    server.descriptions.push_back(server_error("42P01"));
    EXPECT_EQ(refusal("missing").sqlstate(), "42P01");
    describe({{"code", 20005}, {"area", 23}});
    EXPECT_EQ(refusal("countries").kind(), pg::ErrorKind::shape) << "the catalogue does not know its type";
    describe({{"code", 25}, {"area", 23}});
    server.answer("copy countries (\"code\", \"area\") from stdin (format binary)", server_error("42501"));
    EXPECT_EQ(refusal("countries").sqlstate(), "42501");
    db.client.close();
    EXPECT_EQ(refusal("countries").kind(), pg::ErrorKind::usage);
}

TEST_F(Copy, EndsWhenAPieceIsRefused) {
    describe({{"a", 23}, {"b", 20}});
    pg::CopyIn<Numbers> copy(db.client, "numbers");
    server.copy_error = server_error("23505", pg::ErrorKind::unique_violation);
    EXPECT_THROW(for (int i = 0; i < 10'000; ++i) copy.write({i, i}), pg::UniqueViolation);
    EXPECT_TRUE(is_free());
    EXPECT_THROW(copy.write({1, 2}), pg::UsageError);
    EXPECT_THROW(copy.finish(), pg::UsageError);
    EXPECT_THROW(copy.fail("late"), pg::UsageError);
}

TEST_F(Copy, SaysWhenTheLastPieceIsRefused) {
    describe({{"a", 23}, {"b", 20}});
    pg::CopyIn<Numbers> copy(db.client, "numbers");
    server.copy_error = server_error("23505", pg::ErrorKind::unique_violation);
    EXPECT_THROW(copy.finish(), pg::UniqueViolation);
    EXPECT_TRUE(is_free());
}

TEST_F(Copy, FailsRowsWithAReason) {
    describe({{"a", 23}, {"b", 20}});
    pg::CopyIn<Numbers> copy(db.client, "numbers");
    copy.fail("no more");
    EXPECT_EQ(server.take_log().back(), "copy failed: no more");
}

TEST_F(Copy, GivesUpARangeWithABadRow) {
    describe({{"x", 1184}});
    const std::vector<std::chrono::sys_time<std::chrono::nanoseconds>> times{start_of_time, start_of_time + 1ns};
    const auto rows = pg::try_copy_rows(db.client, "t", times);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().kind(), pg::ErrorKind::encode);
    EXPECT_EQ(server.take_log().back(), "copy given up");
    EXPECT_THROW(pg::copy_rows(db.client, "", times), pg::UsageError);
}

}  // namespace
}  // namespace copying

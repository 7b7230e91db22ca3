// The everyday types against the server.
#include <cstdint>

#include "pg/types/bytea.hpp"
#include "pg/types/character.hpp"
#include "pg/types/unsigned.hpp"
#include "tests/db/value/type_check.hpp"

using type_check::check;
using type_check::session;

TEST(ScalarTypes, ReadAndWriteBools) { check<bool>("bool", {"t", "f"}); }

TEST(ScalarTypes, ReadAndWriteIntegersToTheirLimits) {
    check<std::int16_t>("int2", {"0", "-1", "32767", "-32768"});
    check<std::int32_t>("int4", {"0", "-1", "2147483647", "-2147483648"});
    check<std::int64_t>("int8", {"0", "-1", "9223372036854775807", "-9223372036854775808"});
    check<pg::Oid>("oid", {"0", "1", "4294967295"});
}

TEST(ScalarTypes, ReadAndWriteFloatsWithoutLosingADigit) {
    check<float>("float4", {"0", "-0", "1.5", "3.4028235e38", "1e-45", "NaN", "Infinity", "-Infinity", "0.1"});
    check<double>("float8", {"0", "-0", "1.5", "1.7976931348623157e308", "5e-324", "NaN", "Infinity", "-Infinity",
                             "0.1", "1e15", "1e16", "123456789012345680000"});
}

TEST(ScalarTypes, ReadAndWriteRandomFloats) {
    check<float>("float4", session().column("select (random() * power(10, random() * 70 - 35))::float4 "
                                            "from generate_series(1, 100)"));
    check<double>("float8", session().column("select random() * power(10, random() * 600 - 300) "
                                             "from generate_series(1, 100)"));
}

TEST(ScalarTypes, ReadAndWriteEveryKindOfText) {
    const std::string tricky = "a'b\"c\\d\n\t é 漢 \U0001F600";
    for (const char* type : {"text", "varchar", "bpchar", "name", "char(12)", "varchar(40)", "refcursor"})
        check<std::string>(type, {"", "x", tricky});
    check<std::string>("json", {R"({"a": 1, "a": [1,2]})"});
    check<std::string>("xml", {"<a>b</a>"});
    check<char>("\"char\"", {"a", "~"});
}

TEST(ScalarTypes, ReadAndWriteBytesInBothTextForms) {
    using Bytes = std::vector<std::byte>;
    const std::vector<std::string> inputs = {"", "\\x", "\\x00ff5c27", "abc\\\\d\\001\\377"};
    check<Bytes>("bytea", inputs);
    session().run("set bytea_output = escape");
    check<Bytes>("bytea", inputs);
    session().run("reset bytea_output");
}

TEST(ScalarTypes, ReadAndWriteUnsignedIntegersAsTheNextWiderType) {
    check<std::uint8_t>("int2", {"0", "255"});
    check<std::uint16_t>("int4", {"0", "65535"});
    check<std::uint32_t>("int8", {"0", "4294967295"});
    check<std::uint64_t>("numeric",
                         {"0", "1", "9999", "10000", "100000000", "12345678901234567890", "18446744073709551615"});
}

TEST(ScalarTypes, ReadWholeNumericsWhateverTheirScale) {
    for (const pg::Format format : {pg::Format::text, pg::Format::binary}) {
        const auto answer = session().ask("select $1::numeric", {pg::Oid{}, pg::Format::text, "12000.00"}, format);
        EXPECT_EQ(type_check::decoded<std::uint64_t>({answer, format, nullptr}), 12000u);
    }
}

TEST(ScalarTypes, ReadRegTypesAsOids) {
    const auto answer =
        session().ask("select $1::regtype", {pg::Oid{}, pg::Format::text, "numeric"}, pg::Format::binary);
    EXPECT_EQ(type_check::decoded<pg::Oid>({answer, pg::Format::binary, nullptr}), pg::Oid{1700});
}

TEST(ScalarTypes, WriteFloatsAsTheServerDoes) {
    const auto expect_written = [](const std::string& type, auto value, const std::string& text) {
        pg::Writer out;
        pg::detail::encode_float_text(out, value);
        EXPECT_EQ(out.bytes(), text) << type;
    };
    // Beyond 2^53 (2^24 for float4) the server avoids a text halfway to the next number, and writes more digits.
    for (const std::string& text :
         session().column("select (random() * power(10::float8, n))::float8 from generate_series(-300, 15) n"))
        expect_written("float8", std::strtod(text.c_str(), nullptr), text);
    for (const std::string& text :
         session().column("select (random() * power(10::float8, n))::float4 from generate_series(-37, 7) n"))
        expect_written("float4", std::strtof(text.c_str(), nullptr), text);
    for (const char* text : {"0", "-0", "100000", "1e+06", "0.0001", "1e-05", "999999"})
        expect_written("float4", std::strtof(text, nullptr), text);
    for (const char* text : {"100000000000000", "1e+15", "999999999999999", "5e-324", "0.0001", "1e-05", "1e+100"})
        expect_written("float8", std::strtod(text, nullptr), text);
}

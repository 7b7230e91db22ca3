// Values of the usual types, from text to binary and back.
#include "src/testing/value_form.hpp"

#include <gtest/gtest.h>

namespace pg::testing {
namespace {

using namespace std::string_literals;

TEST(ValueForm, GoesFromTextToBinary) {
    EXPECT_EQ(other_form(Oid{16}, Format::text, "t"), "\1"s);
    EXPECT_EQ(other_form(Oid{23}, Format::text, "-2"), "\xff\xff\xff\xfe"s);
    EXPECT_EQ(other_form(Oid{25}, Format::text, "ann"), "ann");
    EXPECT_EQ(other_form(Oid{17}, Format::text, "\\x00ff"), "\0\xff"s);
    EXPECT_EQ(other_form(Oid{3802}, Format::text, "{}"), "\1{}"s);
}

TEST(ValueForm, ComesBackAsItWas) {
    for (const auto& [type, text] : {std::pair{16u, "f"},
                                     {20u, "-9"},
                                     {21u, "7"},
                                     {26u, "4000000000"},
                                     {701u, "2.5"},
                                     {1043u, "varying"},
                                     {1082u, "2024-02-29"},
                                     {1114u, "2024-02-29 12:30:00.5"},
                                     {1184u, "2024-02-29 12:30:00+00"},
                                     {1186u, "1 day"},
                                     {1700u, "12.50"},
                                     {2950u, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
                                     {869u, "10.0.0.1"},
                                     {1007u, "{1,NULL,3}"},
                                     {1009u, "{a,b}"},
                                     {114u, "{\"a\": 1}"}}) {
        const auto binary = other_form(Oid{type}, Format::text, text);
        ASSERT_TRUE(binary) << type;
        EXPECT_EQ(other_form(Oid{type}, Format::binary, *binary), text) << type;
    }
}

TEST(ValueForm, HasNoneForWhatDoesNotFitItsType) {
    EXPECT_EQ(other_form(Oid{23}, Format::text, "seven"), std::nullopt);
    EXPECT_EQ(other_form(Oid{23}, Format::binary, "\1"), std::nullopt);
    EXPECT_EQ(other_form(Oid{600}, Format::text, "(1,2)"), std::nullopt) << "a point is not among the usual types";
}

}  // namespace
}  // namespace pg::testing

// Points and shapes.
#include "pg/types/geo.hpp"

#include <random>

#include "tests/unit/value/codec_check.hpp"

namespace {

using codec_check::binary;
using codec_check::decode_binary;
namespace geo = pg::geo;

// Both forms of `text`, back and forth, and every way to cut them.
template <class T>
void expect_shape(const std::string& text) {
    SCOPED_TRACE(text);
    const auto value = T::parse(text);
    ASSERT_TRUE(value);
    EXPECT_EQ(value->to_string(), text);
    constexpr pg::Oid oid = pg::Codec<T>::type.oid;
    codec_check::expect_round_trip(*value, oid);
    codec_check::expect_only_whole<T>(text, {oid, pg::Format::text, nullptr});
    codec_check::expect_only_whole<T>(binary(*value), {oid, pg::Format::binary, nullptr});
    codec_check::expect_no_harm_from_damage<T>(text, {oid, pg::Format::text, nullptr});
}

}  // namespace

TEST(Shapes, AreReadBackFromBothForms) {
    expect_shape<geo::Point>("(1,-2.5)");
    expect_shape<geo::Point>("(Infinity,-Infinity)");
    expect_shape<geo::LineSegment>("[(1,2),(3,4)]");
    expect_shape<geo::Line>("{1,-1,0.5}");
    expect_shape<geo::Box>("(3,4),(1,2)");
    expect_shape<geo::Path>("[(1,2)]");
    expect_shape<geo::Path>("((1,2),(3,4e+20))");
    expect_shape<geo::Polygon>("((0,0),(0,1),(1,0))");
    expect_shape<geo::Circle>("<(1,2),3.5>");
    expect_shape<geo::Path>("[]");
    expect_shape<geo::Polygon>("()");
}

TEST(Shapes, RefuseMalformedText) {
    for (const char* bad : {"", "()", "(1)", "(1,2", "(1,2,3)", "(a,b)", "(,)", "1,2", "(1, 2)", "((1,2))", "(1,2) "})
        EXPECT_FALSE(geo::Point::parse(bad)) << bad;
    for (const char* bad : {"[(1,2),]", "[(1,2))", "((1,2)]", "[(1,2)(3,4)]", "(1,2)", "[,]"})
        EXPECT_FALSE(geo::Path::parse(bad)) << bad;
    EXPECT_FALSE(geo::LineSegment::parse("[(1,2)]"));
    EXPECT_FALSE(geo::Line::parse("{1,2}"));
    EXPECT_FALSE(geo::Box::parse("(1,2)"));
    EXPECT_FALSE(geo::Polygon::parse("[(1,2)]"));
    EXPECT_FALSE(geo::Circle::parse("<(1,2)>"));
}

TEST(Shapes, RefuseMorePointsThanThereAreBytes) {
    for (const std::int32_t count : {1, -1, 0x7fffffff, 0x10000000}) {
        EXPECT_FALSE(decode_binary<geo::Polygon>(codec_check::words(count), pg::Oid{604}).value);
        EXPECT_FALSE(decode_binary<geo::Path>('\1' + codec_check::words(count), pg::Oid{602}).value);
    }
}

TEST(Shapes, AreAcceptedFromTheirOwnTypeAlone) {
    EXPECT_TRUE(pg::Codec<geo::Box>::accepts({pg::Oid{603}}));
    EXPECT_FALSE(pg::Codec<geo::Box>::accepts({pg::Oid{601}}));
}

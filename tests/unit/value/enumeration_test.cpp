// Enums: labels found by reflection or listed, and those that nobody knows.
#include "pg/types/enumeration.hpp"

#include <cstdint>

#include "pg/params.hpp"
#include "pg/types/array.hpp"
#include "tests/unit/value/codec_check.hpp"

using namespace codec_check;

namespace {

enum class Mood : std::uint8_t { sad, ok, happy };
enum class Level { low = -5, high = 1000 };
enum class Flag : bool { off, on };  // has no value without a name

}  // namespace

template <>
struct pg::Codec<Mood> : pg::EnumCodec<Mood> {
    static constexpr TypeId type{{}, {}, "mood"};
};
template <>
struct pg::Codec<Flag> : pg::EnumCodec<Flag> {
    static constexpr TypeId type{{}, {}, "flag"};
};
template <>
struct pg::Codec<Level> : pg::EnumCodec<Level> {
    static constexpr TypeId type{{}, {}, "level"};
    static constexpr std::pair<Level, std::string_view> labels[]{{Level::low, "very low"}, {Level::high, "high"}};
};

namespace {

constexpr pg::Oid mood{20000};

const pg::TypeCatalog& catalogue() {
    static pg::TypeCatalog types;
    static const bool filled = [] {
        using pg::Oid;
        types.add({mood, "public", "mood", pg::TypeKind::enumeration, Oid{20001}, {}, {}, {"sad", "ok", "happy"}});
        types.add({Oid{20001}, "public", "_mood", pg::TypeKind::array, {}, mood, {}, {}});
        types.add({Oid{20002}, "public", "temper", pg::TypeKind::domain, {}, mood, {}, {}});
        types.add({Oid{20003}, "public", "other", pg::TypeKind::base, {}, {}, {}, {}});
        return true;
    }();
    static_cast<void>(filled);
    return types;
}

TEST(Enumeration, TravelsAsItsLabel) {
    for (const Mood value : {Mood::sad, Mood::ok, Mood::happy}) expect_round_trip(value, mood, &catalogue());
    for (const Level value : {Level::low, Level::high}) expect_round_trip(value, mood, &catalogue());
    EXPECT_EQ(text(Mood::happy), "happy");
    EXPECT_EQ(text(Flag::off) + text(Flag::on), "offon");
    EXPECT_EQ(binary(Level::low), "very low");
    expect_round_trip(std::vector<std::optional<Mood>>{Mood::ok, std::nullopt}, pg::Oid{20001}, &catalogue());
    EXPECT_EQ(text(std::vector<Level>{Level::low}), "{\"very low\"}");
}

TEST(Enumeration, RefusesALabelThatItDoesNotKnow) {
    const std::string unknown = "label that the enumeration does not know";
    EXPECT_EQ(decode_text<Mood>("furious", mood).reason, unknown);
    EXPECT_EQ(decode_binary<Mood>("", mood).reason, unknown);
    EXPECT_EQ(decode_text<Mood>("Ok", mood).reason, unknown);
    EXPECT_EQ(decode_text<Level>("low", mood).reason, unknown);
}

TEST(Enumeration, RefusesAValueWithoutLabel) {
    const std::string unknown = "fault: value of an enumeration that has no label";
    EXPECT_EQ(text(static_cast<Mood>(3)), unknown);
    EXPECT_EQ(binary(static_cast<Level>(0)), unknown);
    EXPECT_EQ(text(std::vector<Mood>{static_cast<Mood>(3)}), unknown);
}

TEST(Enumeration, AcceptsTheEnumOfItsName) {
    const auto accepts = [](auto sample, std::uint32_t oid, const pg::TypeCatalog* types) {
        return pg::Codec<decltype(sample)>::accepts({pg::Oid{oid}, pg::Format::text, types});
    };
    EXPECT_TRUE(accepts(Mood{}, 20000, &catalogue()));
    EXPECT_TRUE(accepts(Mood{}, 20002, &catalogue()));
    EXPECT_TRUE(accepts(std::vector<Mood>{}, 20001, &catalogue()));
    EXPECT_FALSE(accepts(Level{}, 20000, &catalogue()));
    EXPECT_FALSE(accepts(Mood{}, 20003, &catalogue()));
    EXPECT_FALSE(accepts(Mood{}, 25, &catalogue()));
    EXPECT_FALSE(accepts(Mood{}, 20000, nullptr));
    EXPECT_TRUE(accepts(pg::EnumLabel{}, 20000, &catalogue()));
    EXPECT_FALSE(accepts(pg::EnumLabel{}, 20003, &catalogue()));
}

TEST(Enumeration, HasLabelsWithoutAnEnumeration) {
    expect_round_trip(pg::EnumLabel{"so so"}, mood);
    EXPECT_TRUE(text(pg::EnumLabel{std::string("\0", 1)}).starts_with("fault: "));
    pg::Params params;
    EXPECT_FALSE(params.add(Mood::ok));
    EXPECT_EQ(params[0].format, pg::Format::text);
    EXPECT_EQ(params.values().substr(params[0].offset), "ok");
}

}  // namespace

// TypeCatalog: look-ups by oid and name, replacement, and readers beside a writer.
#include "pg/catalog.hpp"

#include <atomic>
#include <gtest/gtest.h>
#include <thread>

namespace {

pg::TypeInfo type(unsigned oid, std::string schema, std::string name) {
    pg::TypeInfo info;
    info.oid = pg::Oid{oid};
    info.schema = std::move(schema);
    info.name = std::move(name);
    return info;
}

}  // namespace

TEST(TypeCatalog, FindsByOidAndByNameWithOrWithoutItsSchema) {
    pg::TypeCatalog types;
    types.add(type(20000, "public", "mood"));
    types.add(type(20256, "shop", "my.type"));
    EXPECT_EQ(types.find(pg::Oid{20000})->name, "mood");
    EXPECT_EQ(types.find("mood"), types.find(pg::Oid{20000}));
    EXPECT_EQ(types.find("public.mood"), types.find(pg::Oid{20000}));
    EXPECT_EQ(types.find("my.type"), types.find(pg::Oid{20256}));
    EXPECT_EQ(types.find("shop.my.type"), types.find(pg::Oid{20256}));
    for (const char* unknown : {"", "Mood", "shop.mood", "publicmood", "public.", "type", "x.public.mood"})
        EXPECT_EQ(types.find(unknown), nullptr) << unknown;
    EXPECT_EQ(types.find(pg::Oid{20512}), nullptr);
}

TEST(TypeCatalog, ReplacesAnEntryAndKeepsTheOldOneValid) {
    pg::TypeCatalog types;
    types.add(type(20000, "public", "mood"));
    const pg::TypeInfo* before = types.find("mood");
    types.add(type(20000, "public", "feeling"));
    EXPECT_EQ(before->name, "mood");
    EXPECT_EQ(types.find(pg::Oid{20000})->name, "feeling");
    EXPECT_EQ(types.find("mood"), nullptr);
    EXPECT_EQ(types.find("feeling"), types.find(pg::Oid{20000}));
}

TEST(TypeCatalog, GivesOutWhatItIsToAskForAgain) {
    pg::TypeCatalog types;
    constexpr pg::Oid mood{20000};
    EXPECT_FALSE(types.is_current(mood));
    types.add(type(20000, "public", "mood"));
    EXPECT_TRUE(types.is_current(mood));
    const pg::TypeInfo* const before = types.find(mood);
    types.outdate();
    EXPECT_FALSE(types.is_current(mood));
    EXPECT_EQ(types.find(mood), before);
    types.add(type(20000, "public", "mood"));
    EXPECT_TRUE(types.is_current(mood));
    EXPECT_EQ(types.find(mood), before) << "it is as it was, and takes no more room";
    types.doubt(mood);
    EXPECT_FALSE(types.is_current(mood));
    types.add(type(20000, "public", "mood"));
    EXPECT_TRUE(types.is_current(mood));
    types.doubt(pg::Oid{20001});
}

TEST(TypeCatalog, BeginsAnEraWhenATypeIsNotWhatItWasInTheSame) {
    pg::TypeCatalog types;
    types.add(type(20000, "public", "mood"));
    types.outdate();
    const std::uint64_t era = types.era();
    types.add(type(20000, "public", "feeling"));
    EXPECT_EQ(types.era(), era) << "it was outdated, and nobody relied on it";
    types.add(type(20000, "public", "temper"));
    EXPECT_GT(types.era(), era);
}

TEST(TypeCatalog, KeepsWhatWasAskedForLater) {
    pg::TypeCatalog types;
    const std::uint64_t before = types.era();
    types.outdate();
    types.add(type(20000, "public", "feeling"));
    types.add(type(20000, "public", "mood"), before);
    EXPECT_EQ(types.find(pg::Oid{20000})->name, "feeling");
    types.add(type(20000, "public", "temper"), pg::TypeCatalog::no_era);
    EXPECT_EQ(types.find(pg::Oid{20000})->name, "temper");
    EXPECT_FALSE(types.is_current(pg::Oid{20000}));
    types.add(type(20000, "public", "temper"), before);
    EXPECT_EQ(types.find(pg::Oid{20000})->name, "temper");
}

TEST(TypeCatalog, PrefersTheLatestOfTwoTypesWithOneName) {
    pg::TypeCatalog types;
    types.add(type(20000, "a", "mood"));
    types.add(type(20001, "b", "mood"));
    EXPECT_EQ(types.find("mood")->oid, pg::Oid{20001});
    EXPECT_EQ(types.find("a.mood")->oid, pg::Oid{20000});
}

TEST(TypeCatalog, IsReadWhileItGrows) {
    pg::TypeCatalog types;
    constexpr unsigned first = 20000, count = 2000;
    std::atomic<unsigned> added = 0;
    std::jthread writer([&] {
        for (unsigned i = 0; i < count; ++i) {
            types.add(type(first + i, "public", "t" + std::to_string(i)));
            added.store(i + 1, std::memory_order_release);
        }
    });
    unsigned found = 0;
    while (found < count) {
        const unsigned known = added.load(std::memory_order_acquire);
        for (; found < known; ++found) {
            const pg::TypeInfo* info = types.find("t" + std::to_string(found));
            ASSERT_NE(info, nullptr);
            ASSERT_EQ(info, types.find(pg::Oid{first + found}));
        }
    }
    writer.join();
}

TEST(TypeCatalog, TellsTheDatabasesOwnTypesByTheirOid) {
    EXPECT_TRUE(pg::TypeCatalog::is_user_defined(pg::Oid{10000}));
    EXPECT_FALSE(pg::TypeCatalog::is_user_defined(pg::Oid{9999}));
}

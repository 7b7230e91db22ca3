// Where servers are looked for, and what is said when there is none.
#include "src/testing/installation.hpp"

#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "src/testing/files.hpp"
#include "tests/unit/testing/scratch_folder.hpp"

namespace pg::testing {
namespace {

/// A major that no machine has, so that what is installed on this one does not matter.
constexpr int unreal_major = 98;

void put_program(const std::string& folder, const std::string& name) {
    std::filesystem::create_directories(folder);
    write_file(folder + "/" + name, "#!/bin/sh\n").value();
    ASSERT_EQ(::chmod((folder + "/" + name).c_str(), 0755), 0);
}

TEST(Installation, CacheIsTheNamedFolderElseThatOfTheAccount) {
    EXPECT_EQ(cache_folder({.cache = "/c", .xdg_cache = "/x", .home = "/h", .root = true}), "/c");
    EXPECT_EQ(cache_folder({.xdg_cache = "/x", .home = "/h", .root = true}), "/var/cache/pgclient");
    EXPECT_EQ(cache_folder({.xdg_cache = "/x", .home = "/h", .root = false}), "/x/pgclient");
    EXPECT_EQ(cache_folder({.home = "/h", .root = false}), "/h/.cache/pgclient");
}

TEST(Installation, LooksInTheNamedFolderFirst) {
    const auto folders = candidate_folders(17, {.postgres_folder = "/opt/pg", .cache = "/c"});
    EXPECT_EQ(folders, (std::vector<std::string>{"/opt/pg/17/bin", "/usr/lib/postgresql/17/bin",
                                                 "/c/postgres/node_modules/pg17/native/bin"}));
}

TEST(Installation, FindsAServerInTheCache) {
    const ScratchFolder cache;
    const std::string programs = cache.path() + "/postgres/node_modules/pg98/native/bin";
    put_program(programs, "postgres");
    put_program(programs, "initdb");
    const Environment environment{.cache = cache.path()};
    EXPECT_EQ(find_installation(unreal_major, environment).value(), programs);
    const auto majors = installed_majors(environment);
    EXPECT_EQ(std::count(majors.begin(), majors.end(), unreal_major), 1);
    EXPECT_TRUE(std::is_sorted(majors.begin(), majors.end()));
}

TEST(Installation, AFolderWithoutInitdbHoldsNoServer) {
    const ScratchFolder named;
    put_program(named.path() + "/98/bin", "postgres");
    EXPECT_FALSE(find_installation(unreal_major, {.postgres_folder = named.path(), .cache = "/nowhere"}));
}

TEST(Installation, SaysWhichMajorIsMissingWhereItLookedAndWhatToInstall) {
    const auto found = find_installation(unreal_major, {.postgres_folder = "/opt/pg", .cache = "/nowhere"});
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().kind(), ErrorKind::usage);
    EXPECT_EQ(found.error().message(), "start PostgreSQL 98: its programs postgres and initdb are not installed");
    EXPECT_EQ(found.error().detail(),
              "looked in /opt/pg/98/bin, /usr/lib/postgresql/98/bin, /nowhere/postgres/node_modules/pg98/native/bin");
    EXPECT_NE(found.error().hint().find("postgresql-98"), std::string_view::npos);
    EXPECT_NE(found.error().hint().find("PGCLIENT_POSTGRES_DIR"), std::string_view::npos);
}

}  // namespace
}  // namespace pg::testing

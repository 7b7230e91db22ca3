// Where a server's folder may be.
#include "src/testing/server_folder.hpp"

#include <cstdlib>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/db/testing/own_tmpdir.hpp"
#include "tests/unit/testing/unprivileged.hpp"

namespace pg::testing {
namespace {

TEST(ServerFolder, FitsASocketWhileItsPathStaysBelowAHundredCharacters) {
    const std::string longest = "/" + std::string(83, 'a');
    ASSERT_EQ((longest + "/.s.PGSQL.65535").size(), 99U);
    EXPECT_TRUE(fits_a_socket(longest));
    EXPECT_FALSE(fits_a_socket(longest + "a"));
}

TEST(ServerFolder, DoesNotFitASocketWhenTheServerWouldMisreadItsName) {
    EXPECT_TRUE(fits_a_socket("/dev/shm/pgclient-aZ09_.x"));
    for (const char* folder : {"/a b", "/a,b", "/a'b", "/a\"b", "/\u00e4"})
        EXPECT_FALSE(fits_a_socket(folder)) << folder;
}

TEST(ServerFolder, IsMadeWhereTheEnvironmentSays) {
    const char* before = std::getenv("TMPDIR");
    const std::string kept = before != nullptr ? before : "";
    ::setenv("TMPDIR", "/somewhere", 1);
    EXPECT_EQ(temporary_folder(), "/somewhere");
    ::unsetenv("TMPDIR");
    EXPECT_TRUE(temporary_folder() == "/dev/shm" || temporary_folder() == "/tmp") << temporary_folder();
    if (before != nullptr) ::setenv("TMPDIR", kept.c_str(), 1);
}

TEST(ServerFolder, HasRoomForASocketWhereTheEnvironmentLeavesNone) {
    const char* before = std::getenv("TMPDIR");
    const std::string kept = before != nullptr ? before : "";
    ::setenv("TMPDIR", ("/" + std::string(100, 'x')).c_str(), 1);
    const auto folder = make_socket_folder();
    ::setenv("TMPDIR", "/no/such/folder", 1);
    const auto refused = make_socket_folder();
    if (before != nullptr)
        ::setenv("TMPDIR", kept.c_str(), 1);
    else
        ::unsetenv("TMPDIR");
    ASSERT_TRUE(folder);
    EXPECT_EQ(folder->find("/tmp/pgclient-"), 0u) << *folder;
    EXPECT_EQ(::rmdir(folder->c_str()), 0);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().message(), "make a folder in /no/such/folder: No such file or directory");
}

TEST(ServerFolder, LeavesNothingThatCouldNotBeGivenToItsAccount) {
    const OwnTmpdir tmpdir;
    const Unprivileged nobody;
    const auto folder = make_server_folder({.name = "root", .uid = 0, .gid = 0, .groups = {}, .differs = true});
    ASSERT_FALSE(folder);
    EXPECT_TRUE(folder.error().message().ends_with(" to root: Operation not permitted")) << folder.error().message();
    EXPECT_TRUE(tmpdir.empty());
}

}  // namespace
}  // namespace pg::testing

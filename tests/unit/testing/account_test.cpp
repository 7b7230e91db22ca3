// Under which account a server runs, and what it is given.
#include "src/testing/account.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "src/testing/files.hpp"
#include "tests/unit/testing/scratch_folder.hpp"
#include "tests/unit/testing/unprivileged.hpp"

namespace pg::testing {
namespace {

TEST(Account, OfAnUnprivilegedProcessIsItsOwn) {
    const Unprivileged nobody;
    const auto account = server_account().value();
    EXPECT_FALSE(account.differs);
    EXPECT_EQ(account.uid, ::geteuid());
    EXPECT_NE(account.uid, 0U);
}

TEST(Account, OfRootIsAnother) {
    if (::geteuid() != 0) GTEST_SKIP() << "this process is not root's";
    const auto account = server_account().value();
    EXPECT_TRUE(account.differs);
    EXPECT_NE(account.uid, 0U);
    EXPECT_TRUE(account.name == "postgres" || account.name == "nobody") << account.name;
}

TEST(Account, ThatCannotBeGivenAFileIsNamed) {
    const ScratchFolder folder;
    const std::string path = folder.path() + "/missing";
    const Account other{.name = "somebody", .uid = ::geteuid(), .gid = ::getegid(), .groups = {}, .differs = true};
    const auto given = give_to(other, path);
    ASSERT_FALSE(given);
    EXPECT_EQ(given.error().message(), "give " + path + " to somebody: No such file or directory");
    EXPECT_TRUE(give_to({.name = "", .uid = 0, .gid = 0, .groups = {}, .differs = false}, path)) << "nothing to do";
}

}  // namespace
}  // namespace pg::testing

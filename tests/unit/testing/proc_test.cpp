// What /proc says about processes.
#include "src/testing/proc.hpp"

#include <algorithm>
#include <csignal>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace pg::testing {
namespace {

TEST(Proc, ReadsStateAndParentBehindAnyName) {
    const auto state = parse_process_state("77 (a) S 1 (b) T 12 77 77 0 -1");
    ASSERT_TRUE(state);
    EXPECT_EQ(state->state, 'T');
    EXPECT_EQ(state->parent, 12);
}

TEST(Proc, RefusesWhatIsNoStatFile) {
    for (const char* text : {"", "77", "77 (name)", "77 (name) ", "77 (name) S", "77 (name) S x y", "77 (name) S 12"})
        EXPECT_FALSE(parse_process_state(text)) << text;
}

TEST(Proc, FindsAChildAndItsEnd) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    const auto children = children_of(::getpid());
    EXPECT_EQ(std::count(children.begin(), children.end(), child), 1);
    EXPECT_EQ(process_state(child).value().parent, ::getpid());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(process_state(child));
}

}  // namespace
}  // namespace pg::testing

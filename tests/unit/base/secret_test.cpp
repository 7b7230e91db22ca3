// Secret: holds its bytes, gives them only when asked, and leaves none behind.
#include "pg/secret.hpp"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>
#include <malloc.h>
#include <new>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "pg/config.hpp"

namespace {

// The block that the next delete of it is to be checked for, and what was found.
const void* watched_block = nullptr;
std::size_t watched_size = 0;
bool was_deleted = false;
bool was_wiped = false;

// What no block may hold that is deleted, and in how many it was.
std::string_view sought;
int times_left = 0;

void check_watched(void* block) {
    if (block == nullptr) return;
    if (!sought.empty()) {
        const std::string_view bytes(static_cast<const char*>(block), malloc_usable_size(block));
        times_left += bytes.find(sought) != bytes.npos ? 1 : 0;
    }
    if (block != watched_block) return;
    const auto* bytes = static_cast<const volatile char*>(block);
    was_deleted = true;
    was_wiped = std::all_of(bytes, bytes + watched_size, [](char byte) { return byte == '\0'; });
    watched_block = nullptr;
}

void watch(const pg::Secret& secret) {
    watched_block = secret.reveal().data();
    watched_size = secret.size();
    was_deleted = was_wiped = false;
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };

}  // namespace

void* operator new(std::size_t size) {
    if (void* block = std::malloc(size)) return block;
    throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* block) noexcept {
    check_watched(block);
    std::free(block);
}
void operator delete(void* block, std::size_t) noexcept { operator delete(block); }
void operator delete[](void* block) noexcept { operator delete(block); }
void operator delete[](void* block, std::size_t) noexcept { operator delete(block); }

namespace pg {
namespace {

using std::string_view_literals::operator""sv;

TEST(Secret, GivesItsBytesWhenAsked) {
    const Secret secret("correct horse");
    EXPECT_EQ(secret.reveal(), "correct horse");
    EXPECT_EQ(secret.size(), 13u);
    EXPECT_FALSE(secret.empty());
    EXPECT_EQ(secret.reveal().data()[secret.size()], '\0');
}

TEST(Secret, KeepsEveryByteAndEndsInNul) {
    const Secret secret("a\0b"sv);
    EXPECT_EQ(secret.reveal(), "a\0b"sv);
}

TEST(Secret, IsEmptyWithoutBytes) {
    const Secret nothing;
    EXPECT_TRUE(nothing.empty());
    EXPECT_EQ(nothing.reveal(), "");
    EXPECT_EQ(nothing, Secret(""));
}

TEST(Secret, HasNoWayIntoAStreamOrAString) {
    EXPECT_FALSE(Printable<Secret>);
    EXPECT_TRUE(Printable<std::string>);
    EXPECT_FALSE((std::is_convertible_v<Secret, std::string_view>));
    EXPECT_FALSE((std::is_convertible_v<std::string_view, Secret>));
}

TEST(Secret, ComparesBytes) {
    EXPECT_EQ(Secret("abc"), Secret("abc"));
    EXPECT_NE(Secret("abc"), Secret("abd"));
    EXPECT_NE(Secret("abc"), Secret("abcd"));
}

TEST(Secret, IsWipedWhenDestroyed) {
    {
        const Secret secret("correct horse battery staple");
        watch(secret);
    }
    EXPECT_TRUE(was_deleted);
    EXPECT_TRUE(was_wiped);
}

TEST(Secret, IsWipedWhenReplaced) {
    Secret secret("the first one");
    watch(secret);
    secret = Secret("the second one");
    EXPECT_TRUE(was_deleted);
    EXPECT_TRUE(was_wiped);
    EXPECT_EQ(secret.reveal(), "the second one");
}

TEST(Secret, LeavesNothingBehindWhenMoved) {
    Secret from("moved");
    const char* bytes = from.reveal().data();
    const Secret to(std::move(from));
    EXPECT_EQ(to.reveal().data(), bytes);
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): the state after a move is promised
    EXPECT_EQ(from.reveal(), "");
}

TEST(Secret, OfAConfigurationIsNowhereElseWhenThatIsWrittenDown) {
    const Config config = Config::parse("user=app password='correct horse' host=one,other sslmode=disable").value();
    {
        sought = "correct horse";
        const Secret conninfo = config.conninfo();
        EXPECT_NE(conninfo.reveal().find(sought), std::string_view::npos);
    }
    sought = {};
    EXPECT_EQ(times_left, 0);
}

TEST(Secret, CopiesAreApart) {
    Secret first("one");
    const Secret second = first;
    first = Secret("two");
    EXPECT_EQ(second.reveal(), "one");
}

}  // namespace
}  // namespace pg

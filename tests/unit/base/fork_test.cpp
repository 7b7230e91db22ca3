// PerProcess: what each process has one of, and a copy of the process does not share with the original.
#include "src/base/fork.hpp"

#include <gtest/gtest.h>
#include <optional>
#include <string>

#include "tests/in_a_copy.hpp"

namespace pg::detail {
namespace {

using testing_support::in_a_copy;

struct Counted {
    Counted() = default;
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
    ~Counted() { ++ended; }
    static inline int ended = 0;
};

TEST(PerProcess, IsMadeOnceFromTheArgumentsOfTheFirstCall) {
    const PerProcess<std::string> text;
    std::string& first = text.here("first");
    EXPECT_EQ(first, "first");
    EXPECT_EQ(&text.here("second"), &first);
    EXPECT_EQ(first, "first");
}

TEST(PerProcess, IsMadeAnewInACopyOfTheProcess) {
    const PerProcess<std::string> text;
    const std::string& here = text.here("original");
    EXPECT_TRUE(in_a_copy([&] { return text.here("copy") == "copy" && text.here("again") == "copy"; }));
    EXPECT_EQ(here, "original");
}

TEST(PerProcess, EndsOnlyInTheProcessThatMadeIt) {
    std::optional<PerProcess<Counted>> counted(std::in_place);
    static_cast<void>(counted->here());
    Counted::ended = 0;
    EXPECT_TRUE(in_a_copy([&] {
        counted.reset();
        return Counted::ended == 0;
    }));
    EXPECT_TRUE(in_a_copy([&] {
        static_cast<void>(counted->here());
        counted.reset();
        return Counted::ended == 1;
    }));
    counted.reset();
    EXPECT_EQ(Counted::ended, 1);
}

}  // namespace
}  // namespace pg::detail

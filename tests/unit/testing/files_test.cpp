// Whole files, and the end of a log.
#include "src/testing/files.hpp"

#include <algorithm>
#include <gtest/gtest.h>

#include "tests/unit/testing/scratch_folder.hpp"

namespace pg::testing {
namespace {

TEST(Files, ReplaceAndAppend) {
    const ScratchFolder folder;
    const std::string path = folder.path() + "/file";
    EXPECT_EQ(read_file(path), "");
    write_file(path, "first content").value();
    write_file(path, "second").value();
    append_to_file(path, " and more").value();
    EXPECT_EQ(read_file(path), "second and more");
}

TEST(Files, NameTheFileThatCannotBeWritten) {
    const auto written = write_file("/nowhere/at/all", "content");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message(), "open /nowhere/at/all: No such file or directory");
}

TEST(Files, TailKeepsTheLastFifteenLines) {
    std::string log;
    for (int line = 1; line <= 40; ++line) log += "line " + std::to_string(line) + "\n";
    const std::string end = tail(log);
    EXPECT_TRUE(end.starts_with("line 26\n")) << end;
    EXPECT_TRUE(end.ends_with("line 40")) << end;
    EXPECT_EQ(std::count(end.begin(), end.end(), '\n'), 14);
}

TEST(Files, TailKeepsAShortLogWhole) {
    EXPECT_EQ(tail("one\ntwo\n"), "one\ntwo");
    EXPECT_EQ(tail("\n\n"), "");
    EXPECT_EQ(tail(""), "");
}

TEST(Files, TailCutsALineWithoutEnd) { EXPECT_EQ(tail(std::string(5000, 'x')).size(), 2000U); }

}  // namespace
}  // namespace pg::testing

// What is made once: one maker, no half-made folder, nothing left of a failure.
#include "src/testing/cache.hpp"

#include <atomic>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "src/testing/descriptor.hpp"
#include "src/testing/failure.hpp"
#include "src/testing/files.hpp"
#include "tests/unit/testing/scratch_folder.hpp"

namespace pg::testing {
namespace {

const Account own{.name = "", .uid = ::geteuid(), .gid = ::getegid(), .groups = {}, .differs = false};

Deadline soon() { return Deadline::after(std::chrono::seconds(20)); }

TEST(Cache, LetsOneOfManyThreadsMakeTheFolder) {
    const ScratchFolder cache;
    std::atomic<int> makers = 0;
    std::atomic<int> complete = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&] {
            const auto made = made_once(cache.path() + "/deep", "thing", own, soon(), [&](const std::string& folder) {
                ++makers;
                return write_file(folder + "/content", "whole");
            });
            if (made && read_file(*made + "/content") == "whole") ++complete;
        });
    }
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(makers, 1);
    EXPECT_EQ(complete, 8);
}

TEST(Cache, KeepsNothingOfAFolderThatCouldNotBeMade) {
    const ScratchFolder cache;
    const auto made = made_once(cache.path(), "thing", own, soon(), [&](const std::string& folder) -> Expected<void> {
        write_file(folder + "/half", "done").value();
        return failure(ErrorKind::connect, "the disk is full");
    });
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message(), "the disk is full");
    for (const auto& entry : std::filesystem::directory_iterator(cache.path()))
        EXPECT_EQ(entry.path().filename(), "thing.lock");
}

TEST(Cache, TellsThatWhatWasMadeCouldNotTakeItsPlace) {
    const ScratchFolder cache;
    const auto made = made_once(cache.path(), "thing", own, soon(), [&](const std::string&) {
        std::filesystem::create_directory(cache.path() + "/thing");
        return write_file(cache.path() + "/thing/content", "somebody else's");
    });
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error().message().starts_with("rename " + cache.path() + "/thing.new-")) << made.error().message();
    EXPECT_EQ(read_file(cache.path() + "/thing/content"), "somebody else's");
}

TEST(Cache, SaysHowToChooseAnotherFolderWhenItsOwnCannotBeMade) {
    const ScratchFolder folder;
    write_file(folder.path() + "/file", "").value();
    const auto made = made_once(folder.path() + "/file/cache", "thing", own, soon(),
                                [](const std::string&) { return Expected<void>(); });
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().message(), "make the folder " + folder.path() + "/file/cache: Not a directory");
    EXPECT_EQ(made.error().hint(), "set PGCLIENT_CACHE to a folder that can be written");
}

TEST(Cache, RemovesWhatACrashedMakerLeft) {
    const ScratchFolder cache;
    const std::string left = cache.path() + "/thing.new-abcdef";
    std::filesystem::create_directory(left);
    ASSERT_TRUE(made_once(cache.path(), "thing", own, soon(), [](const std::string&) { return Expected<void>(); }));
    EXPECT_FALSE(std::filesystem::exists(left));
}

TEST(Cache, WaitsForAnotherMakerNoLongerThanTheDeadline) {
    const ScratchFolder cache;
    const Descriptor other(::open((cache.path() + "/thing.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
    const auto made = made_once(cache.path(), "thing", own, Deadline::after(std::chrono::milliseconds(1)),
                                [](const std::string&) { return Expected<void>(); });
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().kind(), ErrorKind::timeout);
}

TEST(Cache, FingerprintChangesWithTheFile) {
    const ScratchFolder folder;
    const std::string path = folder.path() + "/program";
    write_file(path, "one").value();
    const auto before = fingerprint(path).value();
    EXPECT_EQ(fingerprint(path).value(), before);
    write_file(path, "longer").value();
    EXPECT_NE(fingerprint(path).value(), before);
    EXPECT_FALSE(fingerprint(folder.path() + "/missing"));
}

}  // namespace
}  // namespace pg::testing

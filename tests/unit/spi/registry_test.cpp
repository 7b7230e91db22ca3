// Registry: providers that were added, and those in shared objects, with what can be wrong with one.
#include "pg/spi/registry.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

#include "tests/unit/spi/fake_provider.hpp"

namespace pg::spi {
namespace {

const std::string plugin_folder = PGCLIENT_PLUGIN_FOLDER;

std::shared_ptr<Provider> fake(std::string name) { return std::make_shared<FakeProvider>(std::move(name)); }

std::string refusal(Registry& registry, std::string_view name) {
    const Expected<std::shared_ptr<Provider>> found = registry.find(name);
    if (found) return "found";
    EXPECT_EQ(found.error().kind(), ErrorKind::usage);
    return std::string(found.error().message());
}

TEST(Registry, FindsWhatWasAdded) {
    Registry registry;
    const auto added = fake("one");
    ASSERT_TRUE(registry.add(added));
    EXPECT_EQ(registry.find("one").value(), added);
}

TEST(Registry, RefusesASecondOfAName) {
    Registry registry;
    ASSERT_TRUE(registry.add(fake("one")));
    const Expected<void> again = registry.add(fake("one"));
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().message(), "there is a provider \"one\" already");
    EXPECT_EQ(registry.add(fake("")).error().message(), "a provider needs a name");
}

TEST(Registry, ListsByName) {
    Registry registry;
    ASSERT_TRUE(registry.add(fake("b")));
    ASSERT_TRUE(registry.add(fake("a")));
    const std::vector<ProviderInfo> infos = registry.list();
    ASSERT_EQ(infos.size(), 2u);
    EXPECT_EQ(infos[0].name, "a");
    EXPECT_EQ(infos[0].version, "1.2");
    EXPECT_TRUE(infos[0].capabilities.copy);
    EXPECT_FALSE(infos[0].capabilities.awaitable);
}

TEST(Registry, SuggestsANameThatIsNear) {
    Registry registry;
    ASSERT_TRUE(registry.add(fake("libpq")));
    ASSERT_TRUE(registry.add(fake("async")));
    EXPECT_EQ(refusal(registry, "libpg"),
              "there is no provider \"libpg\"; did you mean \"libpq\"?; there are: async, libpq; the search path for "
              "others is empty");
}

TEST(Registry, SaysWhereItLooked) {
    Registry registry("/no/where::/else/where");
    EXPECT_EQ(refusal(registry, "x"),
              "there is no provider \"x\"; none was added; there is no pgclient_x.so in /no/where, /else/where");
}

TEST(Registry, LooksForNoNameThatLeavesItsFolders) {
    Registry registry(plugin_folder);
    EXPECT_NE(refusal(registry, "../spi/good").find("there is no provider"), std::string::npos);
    EXPECT_NE(refusal(registry, "").find("there is no provider"), std::string::npos);
}

TEST(Registry, LoadsAProviderFromASharedObjectOnce) {
    Registry registry("/no/where:" + plugin_folder);
    const auto loaded = registry.find("good");
    ASSERT_TRUE(loaded) << loaded.error().what();
    EXPECT_EQ((*loaded)->version(), "3.4");
    EXPECT_TRUE((*loaded)->capabilities().streaming);
    EXPECT_EQ(registry.find("good").value(), *loaded);
    ASSERT_EQ(registry.list().size(), 1u);
    EXPECT_EQ(registry.list()[0].name, "good");
    const auto opened = (*loaded)->open(Config(), {}, {});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().message(), "there is no server behind a test");
}

TEST(Registry, PrefersWhatWasAddedToASharedObject) {
    Registry registry(plugin_folder);
    const auto added = fake("good");
    ASSERT_TRUE(registry.add(added));
    EXPECT_EQ(registry.find("good").value(), added);
}

TEST(Registry, SaysWhatIsWrongWithASharedObject) {
    Registry registry(plugin_folder);
    const std::pair<const char*, std::string> wrongs[] = {
        {"old", "it was built for provider ABI 0, this library has " + std::to_string(pg::spi::abi_version) +
                    ": build it anew"},
        {"no_abi", "it has no symbol pgclient_provider_abi: export it with PGCLIENT_PROVIDER"},
        {"no_make", "it has no symbol pgclient_provider_make: export it with PGCLIENT_PROVIDER"},
        {"none", "it made no provider"},
        {"throwing", "it has no licence"},
        {"misnamed", "its provider is called \"fake\""},
    };
    for (const auto& [name, why] : wrongs)
        EXPECT_EQ(refusal(registry, name), "load provider from " + plugin_folder + "/pgclient_" + name + ".so: " + why);
}

TEST(Registry, GivesTheWordsOfTheLoader) {
    std::string folder = ::testing::TempDir() + "pgclient_registry_test_XXXXXX";
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    std::ofstream(folder + "/pgclient_text.so") << std::string(4096, 'x');
    Registry registry(folder);
    EXPECT_NE(refusal(registry, "text").find("invalid ELF header"), std::string::npos) << refusal(registry, "text");
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace pg::spi

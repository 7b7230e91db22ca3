// The provider where the system gives no more threads for its loops.
#include <gtest/gtest.h>

#include "providers/async/provider.hpp"
#include "tests/unit/async/inner_provider.hpp"
#include "tests/unit/refused_threads.hpp"

namespace pg::async {
namespace {

TEST(AsyncProviderWithoutThreads, OpensNothingAndSaysWhy) {
    const auto provider = make_async_provider(std::make_shared<InnerProvider>(std::make_shared<Account>()), 1);
    refuses = true;
    const auto refused = provider->open(Config(), {}, {});
    const bool has_reactor = provider->reactor() != nullptr;
    refuses = false;
    EXPECT_FALSE(has_reactor);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind(), ErrorKind::connect);
    EXPECT_NE(refused.error().message().find("no thread can be started"), std::string_view::npos);
    EXPECT_TRUE(provider->open(Config(), {}, {})) << "the next one tries again";
}

}  // namespace
}  // namespace pg::async

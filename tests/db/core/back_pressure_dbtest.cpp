// Back-pressure: who reads slowly, or writes to a server that does not read, holds a bounded number of bytes in the
// client, and holds up nobody else on the same loop.
#include <fstream>
#include <gtest/gtest.h>
#include <malloc.h>
#include <memory>
#include <pg/async.hpp>
#include <pg/async_copy.hpp>
#include <pg/spi/registry.hpp>
#include <pg/testing/fault_proxy.hpp>
#include <pg/testing/test_server.hpp>

#include "providers/async/provider.hpp"
#include "providers/libpq/provider.hpp"

namespace {

using pg::testing::Direction;
using pg::testing::FaultProxy;

constexpr std::int64_t row_bytes = 10'000;
/// What the client may hold itself: some pieces of 64 KiB, a row, and what others of this process do meanwhile.
constexpr std::size_t most_in_client = std::size_t{2} << 20;

/// What a kernel gives one socket at most, as the file says.
std::size_t most_of_socket(const char* file) {
    std::ifstream in(file);
    std::size_t least = 0, usual = 0, most = 0;
    EXPECT_TRUE(in >> least >> usual >> most) << file;
    return most;
}
/// What the two sockets of one direction hold.
std::size_t most_in_kernel() {
    return most_of_socket("/proc/sys/net/ipv4/tcp_rmem") + most_of_socket("/proc/sys/net/ipv4/tcp_wmem");
}
/// In use by this process; nothing where a sanitizer has the memory.
std::size_t allocated() {
    const struct mallinfo2 all = ::mallinfo2();
    return all.uordblks + all.hblkhd;
}

std::unique_ptr<pg::spi::Registry> with_one_loop() {
    auto registry = std::make_unique<pg::spi::Registry>();
    registry->add(pg::async::make_async_provider(pg::libpq::make_libpq_provider(), 1)).value();
    return registry;
}

class BackPressure : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite() {
        pg::connect(pg::testing::shared_server().conninfo()).run_script("create table if not exists taken (line text)");
    }
    pg::Client open(const FaultProxy& line) {
        return pg::connect(line.conninfo(pg::testing::shared_server()) + " engine=" + GetParam(),
                           {.provider = "async", .registry = registry_.get()});
    }
    /// So much through the loop, while the slow one holds what it has. Much more than may be held for that.
    pg::Task<void> read_much() const {
        auto rows = co_await fast_.async().stream<std::string>(
            "select repeat('y', $1::int) from generate_series(1, $2::bigint)", row_bytes, most_rows());
        std::int64_t count = 0;
        while (co_await rows.next() != nullptr) ++count;
        EXPECT_EQ(count, most_rows()) << "who is on the same loop is served";
    }
    /// Rows that no buffers hold.
    [[nodiscard]] std::int64_t most_rows() const { return 4 * static_cast<std::int64_t>(in_kernel_) / row_bytes; }
    void expect_bounded(std::uint64_t bytes, std::size_t before) const {
        EXPECT_LE(bytes, in_kernel_ + most_in_client);
        EXPECT_LE(allocated(), before + most_in_client);
    }

    pg::Task<void> stream_slowly() {
        const std::size_t before = allocated();
        auto rows = co_await slow_.async().stream<std::string>(
            "select repeat('x', $1::int) from generate_series(1, $2::bigint)", row_bytes, most_rows());
        EXPECT_NE(co_await rows.next(), nullptr);
        co_await read_much();
        expect_bounded(slow_line_.stats().to_client.bytes_out, before);
        EXPECT_NE(co_await rows.next(), nullptr) << "it goes on";
    }
    pg::Task<void> copy_out_slowly() {
        const std::size_t before = allocated();
        const std::string sql = "copy (select repeat('x', " + std::to_string(row_bytes) + ") from generate_series(1, " +
                                std::to_string(most_rows()) + ")) to stdout";
        auto copy = co_await pg::AsyncCopyReader::open(slow_.async(), pg::runtime(sql));
        EXPECT_TRUE(co_await copy.read(1));
        co_await read_much();
        expect_bounded(slow_line_.stats().to_client.bytes_out, before);
        EXPECT_TRUE(co_await copy.read(1)) << "it goes on";
    }
    pg::Task<void> write_all(pg::AsyncCopyWriter& copy) {
        std::string row(row_bytes, 'x');
        row.back() = '\n';
        for (std::int64_t n = 0; n < most_rows(); ++n) {
            co_await copy.write(row);
            written_ += row.size();
        }
    }
    pg::Task<void> look_meanwhile(std::size_t before) {
        co_await read_much();
        EXPECT_GT(written_, 0U);
        expect_bounded(written_, before);
        slow_line_.heal();
    }
    pg::Task<void> copy_in_to_a_server_that_does_not_read() {
        const std::size_t before = allocated();
        auto copy = co_await pg::AsyncCopyWriter::open(slow_.async(), "copy taken from stdin where line = ''");
        slow_line_.set(Direction::to_server, {.frozen = true});
        co_await pg::when_all(write_all(copy), look_meanwhile(before));
        EXPECT_EQ(written_, static_cast<std::uint64_t>(most_rows() * row_bytes)) << "it went on";
        EXPECT_EQ(co_await copy.finish(), 0U);
        EXPECT_GT(slow_line_.stats().to_server.bytes_out, written_);
    }

private:
    const std::size_t in_kernel_ = most_in_kernel();
    std::uint64_t written_ = 0;
    const std::unique_ptr<pg::spi::Registry> registry_ = with_one_loop();
    FaultProxy slow_line_ = FaultProxy::start(pg::testing::shared_server());
    FaultProxy fast_line_ = FaultProxy::start(pg::testing::shared_server());
    pg::Client slow_ = open(slow_line_), fast_ = open(fast_line_);
};
INSTANTIATE_TEST_SUITE_P(Engine, BackPressure, testing::Values("direct", "libpq"),
                         [](const auto& engine) { return std::string(engine.param); });

TEST_P(BackPressure, HoldsBackAStreamOfWhichOneRowIsRead) { pg::sync_wait(stream_slowly()); }

TEST_P(BackPressure, HoldsBackACopyOfWhichOnePieceIsRead) { pg::sync_wait(copy_out_slowly()); }

TEST_P(BackPressure, HoldsUpWhoCopiesToAServerThatDoesNotRead) {
    pg::sync_wait(copy_in_to_a_server_that_does_not_read());
}

}  // namespace

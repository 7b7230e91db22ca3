// A TCP server on asio whose coroutines await the database on the same io_context: one thread, and no other.
#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/connect.hpp>
#include <asio/detached.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read_until.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <pg/async.hpp>
#include <pg/integrations/asio.hpp>

#include "example.hpp"

namespace {

using asio::use_awaitable;
using asio::ip::tcp;
using pg::integrations::async_wait;

// [serve]
constexpr std::size_t longest_line = 1024;

/// What the server says of it: an SQLSTATE, or what kind of error it is.
std::string failure(const pg::Error& error) {
    const std::string_view code = error.sqlstate().code();
    return "error " + std::string(code.empty() ? to_string(error.kind()) : code);
}

asio::awaitable<void> serve(tcp::socket peer, pg::AsyncClient db) {
    std::string received;
    for (;;) {
        asio::error_code over;  // the peer has gone, or its line has no end
        const std::size_t size = co_await asio::async_read_until(peer, asio::dynamic_buffer(received, longest_line),
                                                                 '\n', asio::redirect_error(use_awaitable, over));
        if (over) co_return;
        const std::string line = received.substr(0, size - 1);
        received.erase(0, size);
        const auto doubled =
            co_await async_wait(db.try_query_one<int>("select $1::text::int * 2", line), use_awaitable);
        const std::string answer = (doubled ? std::to_string(*doubled) : failure(doubled.error())) + '\n';
        co_await asio::async_write(peer, asio::buffer(answer), use_awaitable);
    }
}

asio::awaitable<void> listen(tcp::acceptor& acceptor, pg::AsyncClient db) {
    asio::steady_timer pause(acceptor.get_executor());
    while (acceptor.is_open()) {
        asio::error_code failed;
        tcp::socket peer = co_await acceptor.async_accept(asio::redirect_error(use_awaitable, failed));
        if (!failed) {
            asio::co_spawn(acceptor.get_executor(), serve(std::move(peer), db), asio::detached);
        } else if (acceptor.is_open()) {  // no descriptor is left, perhaps: some will come free
            pause.expires_after(std::chrono::milliseconds(100));
            co_await pause.async_wait(use_awaitable);
        }
    }
}
// [serve]

asio::awaitable<std::string> ask(tcp::socket& socket, std::string line) {
    line += '\n';
    co_await asio::async_write(socket, asio::buffer(line), use_awaitable);
    std::string answer;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(answer), '\n', use_awaitable);
    answer.pop_back();
    co_return answer;
}

/// Talks to the server on two connections, and then ends it.
asio::awaitable<void> visit(tcp::acceptor& acceptor, int& answers) {
    tcp::socket one(acceptor.get_executor());
    tcp::socket two(acceptor.get_executor());
    co_await one.async_connect(acceptor.local_endpoint(), use_awaitable);
    co_await two.async_connect(acceptor.local_endpoint(), use_awaitable);
    for (int number = 1; number <= 100; ++number) {
        const std::string answer = co_await ask(number % 2 == 0 ? two : one, std::to_string(number));
        example::check(answer == std::to_string(2 * number), "the answer to a number");
        ++answers;
    }
    const std::string refused = co_await ask(one, "seven");
    example::check(refused == "error 22P02", "the answer to what is no number");
    const std::string not_sent = co_await ask(one, std::string(1, '\0'));
    example::check(not_sent == "error encode", "the answer to what no server was asked");
    asio::error_code over;
    const std::string endless(2 * longest_line, '7');
    co_await asio::async_write(two, asio::buffer(endless), use_awaitable);
    char nothing = 0;
    co_await two.async_read_some(asio::buffer(&nothing, 1), asio::redirect_error(use_awaitable, over));
    example::check(bool(over), "who sends a line without an end is left");
    acceptor.close();
}

}  // namespace

int main(int argc, char** argv) {
    const std::string conninfo = example::conninfo(argc, argv);
    // [client]
    asio::io_context io;
    pg::integrations::AsioEventLoop loop(io);
    pg::Client db = pg::open(conninfo, {.provider = "async", .event_loop = &loop});

    tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
    asio::co_spawn(io, listen(acceptor, db.async()), asio::detached);
    // [client]
    int answers = 0;
    asio::co_spawn(io, visit(acceptor, answers), asio::detached);
    io.run();  // until nobody is connected, and no call is under way
    example::check(answers == 100, "all answers");
}

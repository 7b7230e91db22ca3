// Sessions on a unix socket whose other end has said all before it is asked, in one thread.
#include "tests/fuzz/session_conversation.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <limits>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include "pg/testing/reply.hpp"
#include "providers/libpq/direct_session.hpp"
#include "providers/libpq/session.hpp"

namespace {

/// What one call of `recv` gives at most.
std::atomic<std::size_t> most_received{std::numeric_limits<std::size_t>::max()};

}  // namespace

// In the place of the C library's, for libpq, and for the direct engine where it asks the C library (under a
// sanitizer).
extern "C" ssize_t recv(int socket, void* room, std::size_t size, int flags) {
    return syscall(SYS_recvfrom, socket, room, std::min(size, most_received.load()), flags, nullptr, nullptr);
}

namespace pg::libpq {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// What a unix socket takes while nobody reads.
constexpr std::size_t most_said = 64 * 1024;
/// For one call. The server has ended the connection: nothing is to be waited for.
constexpr std::chrono::seconds soon{5};

void check(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(what);
}

class Descriptor {
public:
    explicit Descriptor(int number) : number_(number) { check(number >= 0, "no socket"); }
    ~Descriptor() { close(number_); }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const { return number_; }

private:
    int number_;
};

/// Where libpq connects to, in a folder of this process.
class Folder {
public:
    Folder() : path_("/tmp/pgclient_fuzz_XXXXXX") { check(mkdtemp(path_.data()) != nullptr, "no folder"); }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

void say(const Descriptor& server, std::string_view bytes) {
    check(send(server.number(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
              static_cast<ssize_t>(bytes.size()),
          "the socket does not take what is said");
}

/// A connection of libpq whose first ReadyForQuery has come, and the other end of it. Nobody listens any more where a
/// cancel request would go, which may be some time later: each has a place of its own.
struct Begun {
    ConnectionHandle connection;
    std::unique_ptr<Descriptor> server;
};

Begun begin() {
    static const Folder folder;
    static unsigned count = 0;
    const std::string port = std::to_string(1 + count++ % 65535);
    const std::string path = folder.path() + "/.s.PGSQL." + port;
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    const Descriptor listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    check(bind(listener.number(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
              listen(listener.number(), 1) == 0,
          "nobody can listen");

    const std::array<const char*, 5> names{"host", "port", "user", "dbname", nullptr};
    const std::array<const char*, 5> values{folder.path().c_str(), port.c_str(), "fuzz", "fuzz", nullptr};
    ConnectionHandle connection(PQconnectStartParams(names.data(), values.data(), 0));
    check(PQstatus(connection.get()) != CONNECTION_BAD, "libpq does not connect");
    auto server = std::make_unique<Descriptor>(accept(listener.number(), nullptr, nullptr));
    unlink(path.c_str());
    say(*server, testing::Reply()
                     .authentication(0)
                     .parameter("server_version", "15.0")
                     .parameter("client_encoding", "UTF8")
                     .parameter("standard_conforming_strings", "on")
                     .parameter("integer_datetimes", "on")
                     .parameter("TimeZone", "UTC")
                     .backend_key(4711, "word")
                     .ready()
                     .bytes());
    for (PostgresPollingStatusType state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK;) {
        check(state != PGRES_POLLING_FAILED, "libpq does not begin a session");
        pollfd one{.fd = PQsocket(connection.get()), .events = POLLOUT, .revents = 0};
        if (state == PGRES_POLLING_READING) one.events = POLLIN;
        check(poll(&one, 1, 5000) == 1, "libpq waits for what is there");
        state = PQconnectPoll(connection.get());
    }
    return {std::move(connection), std::move(server)};
}

/// Reads every byte, so that AddressSanitizer sees whether it is there.
void read(const Result& result) {
    std::size_t sum = result.tag().size() + result.affected();
    for (const Column& column : result.columns())
        for (const char c : column.name) sum += static_cast<unsigned char>(c);
    for (std::size_t row = 0; row < result.size(); ++row)
        for (std::size_t column = 0; column < result.columns().size(); ++column)
            if (const Cell cell = result.storage()->cell(row, column); !cell.is_null())
                for (const char c : cell.bytes()) sum += static_cast<unsigned char>(c);
    static const volatile std::size_t none = 0;
    check(sum >= none, "bytes have no sum");
}

/// The session is what its error says.
void hold(const spi::Session& session, const Error& error) {
    check(!error.connection_usable() || session.usable(), "an error calls a session usable that is not");
    check(error.connection_usable() || !session.usable(), "an error calls a session lost that is usable");
}

template <class T>
bool went_well(const spi::Session& session, const Expected<T>& answer) {
    if (!answer) hold(session, answer.error());
    return answer.has_value();
}

const spi::Wait patient{.deadline = Deadline::after(24h)};

void run(spi::Session& session, const spi::Request& request) {
    if (const auto result = session.run(request, patient); went_well(session, result)) read(*result);
}

void run_named(spi::Session& session) {
    std::shared_ptr<const ResultStorage> description;
    run(session, {.sql = "select 1", .statement = "s", .prepare = &description});
    if (!description || !session.usable()) return;
    run(session, {.sql = "select 1", .statement = "s", .description = &description});
}

void run_batch(spi::Session& session, spi::BatchSync sync) {
    std::array<spi::BatchItem, 3> items{{{{.sql = "insert"}}, {{.sql = "select 1"}}, {{.sql = "commit"}}}};
    const std::array<spi::BatchItem*, 3> all{&items[0], &items[1], &items[2]};
    session.run_batch(all, sync, patient);
    for (const spi::BatchItem& item : items) {
        check(item.outcome.has_value(), "a statement of a batch has no outcome");
        if (!item.failed()) read(**item.outcome);
    }
}

void stream(spi::Session& session) {
    auto rows = session.stream({.sql = "select 1"}, patient);
    if (!went_well(session, rows)) return;
    for (bool is_over = false; !is_over;) {
        const auto chunk = (*rows)->next(patient);
        is_over = !chunk || chunk->empty();
        if (chunk) read(*chunk);
    }
}

void copy_in(spi::Session& session) {
    auto copy = session.copy_in("copy t from stdin", patient);
    if (!went_well(session, copy)) return;
    static_cast<void>((*copy)->columns());
    if ((*copy)->write("1\n", patient)) static_cast<void>((*copy)->finish(patient));
}

void copy_out(spi::Session& session) {
    auto copy = session.copy_out("copy t to stdout", patient);
    if (!went_well(session, copy)) return;
    for (bool is_over = false; !is_over;) {
        const auto piece = (*copy)->read(patient);
        is_over = !piece || !*piece;
        if (!is_over) check(std::string(**piece).size() == (*piece)->size(), "a piece has no bytes");
    }
}

void prepare(spi::Session& session) {
    const auto description = session.prepare("s", "select $1", {}, patient);
    if (!went_well(session, description)) return;
    for (const Column& column : description->columns)
        check(std::string(column.name).size() == column.name.size(), "a column has no name");
}

void hear(spi::Session& session) {
    while (true) {
        const auto heard = session.wait_notification({.deadline = Deadline::after(0s)});
        if (!went_well(session, heard) || !*heard) return;
    }
}

/// Two requests, each of which is to be answered once.
class TwoRequests final : public spi::RequestFeed {
public:
    std::size_t taken = 0, answered = 0;

private:
    const spi::Request* do_next() noexcept override { return taken < 2 ? &requests_[taken++] : nullptr; }
    void do_answer(Expected<Result>&& outcome) noexcept override {
        ++answered;
        if (outcome) read(*outcome);
    }
    const spi::Wait* do_given_up() const noexcept override { return nullptr; }
    spi::Wait do_wait() const noexcept override { return patient; }

    const std::array<spi::Request, 2> requests_{{{.sql = "insert"}, {.sql = "select 1"}}};
};

void run_pipeline(spi::Session& session) {
    TwoRequests requests;
    session.run_pipeline(requests);
    check(requests.answered == requests.taken, "a request of a pipeline has no answer, or two");
}

using Call = void (*)(spi::Session&);
constexpr std::array<Call, 13> calls{
    [](spi::Session& session) { run(session, {.sql = "select 1"}); },
    [](spi::Session& session) { run(session, {.sql = "select 1", .format = Format::text}); },
    [](spi::Session& session) { run(session, {.sql = "select 1", .max_result_bytes = 100}); },
    [](spi::Session& session) { run_named(session); },
    [](spi::Session& session) { run_batch(session, spi::BatchSync::once); },
    [](spi::Session& session) { run_batch(session, spi::BatchSync::each); },
    [](spi::Session& session) {
        if (const auto tag = session.run_command("select 1; commit", patient); went_well(session, tag))
            check(tag->text().size() < 64, "a tag is too long");
    },
    stream,
    copy_in,
    copy_out,
    prepare,
    hear,
    run_pipeline,
};

/// One of four, by two bits of the input.
constexpr std::array<std::size_t, 4> receive_bounds{std::numeric_limits<std::size_t>::max(), 1, 7, 100};

void converse(std::string_view input) {
    const struct Unbound {
        ~Unbound() { most_received = receive_bounds[0]; }
    } unbound;
    const auto flags = static_cast<unsigned char>(input[0]);
    const bool is_direct = flags % 2 == 0;
    const bool is_taken_over_well = (flags & 0x40) == 0;
    Begun begun = begin();
    most_received = receive_bounds[flags >> 4 & 3];
    if (is_direct && is_taken_over_well) say(*begun.server, testing::Reply().ready().bytes());
    say(*begun.server, input.substr(3, most_said));
    check(shutdown(begun.server->number(), SHUT_WR) == 0, "the connection does not end");
    std::unique_ptr<spi::Session> session;
    if (is_direct) {
        auto direct = std::make_unique<direct::DirectSession>(std::move(begun.connection), nullptr, "fuzz",
                                                              spi::SessionContext());
        const auto refused = direct->take_over(patient);
        check(!refused || !is_taken_over_well, "a session is not taken over");
        if (refused) return;
        session = std::move(direct);
    } else {
        session = std::make_unique<LibpqSession>(std::move(begun.connection), "fuzz", spi::SessionContext());
    }
    for (const std::size_t at : {1, 2}) {
        const auto start = Clock::now();
        calls[static_cast<unsigned char>(input[at]) % calls.size()](*session);
        check(Clock::now() - start < soon, "a call hung");
        static_cast<void>(session->alive() && session->at_rest());
    }
}

}  // namespace

std::string session_conversation_goes_wrong(std::string_view input) try {
    if (input.size() >= 3) converse(input);
    return {};
} catch (const std::runtime_error& wrong) {
    return wrong.what();
}

}  // namespace pg::libpq

// The functions that are awaited of streams, COPYs and listeners, whose rows come and go in pieces.
#include <pg/async_copy.hpp>
#include <pg/async_listener.hpp>

#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {
namespace {

using namespace std::chrono_literals;
using pg::Task;

/// More rows than the buffers on the way take, or a few chunks of them; or so many that it is better to cancel them.
int rows(const Line& line) { return line.falls_silent() ? 10'000'000 : 300; }
int many_rows(const Line& line) { return line.falls_silent() ? 10'000'000 : 10'000; }
std::string copied_rows(int rows) {
    return "(select repeat('x', 1000 + 0 * generate_series(1, " + std::to_string(rows) + ")))";
}
std::vector<std::string> pieces() { return std::vector<std::string>(3, std::string(std::size_t{1} << 16, 'x')); }
/// How long a listener waits that hears nothing: until its stop, where there is one.
std::chrono::milliseconds patience(Line& line) { return line.stop() ? 60s : 1ms; }
constexpr pg::Sql<0> copied_in = "copy frozen_texts from stdin";
std::string lines() { return std::string(std::size_t{1} << 16, 'x') + '\n'; }

}  // namespace

const std::vector<AwaitedVerb>& awaited_streams() {
    static const std::vector<AwaitedVerb> all{
        {"AsyncStream::next",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto stream =
                 co_await stoppable(line, async)
                     .stream<std::string>("select repeat('x', 1000 + 0 * generate_series(1, $1))", rows(line));
             line.go_silent();
             while (co_await stream.next() != nullptr) {
             }
         }},
        {"AsyncStream::try_next",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto stream =
                 co_await stoppable(line, async)
                     .stream<std::string>("select repeat('x', 1000 + 0 * generate_series(1, $1))", rows(line));
             line.go_silent();
             while ((co_await stream.try_next()).value() != nullptr) {
             }
         }},
        {"AsyncStream::~AsyncStream",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto stream = co_await async.stream<std::string>(
                 "select repeat('x', 1000 + 0 * generate_series(1, $1))", many_rows(line));
             line.go_silent();
         },
         End::mute},
        {"AsyncCopyIn::open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await pg::AsyncCopyIn<std::string>::open(stoppable(line, async), "frozen_texts"));
         }},
        {"AsyncCopyIn::try_open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             drop((co_await pg::AsyncCopyIn<std::string>::try_open(stoppable(line, async), "frozen_texts")).value());
         }},
        {"AsyncCopyIn::write",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyIn<std::string>::open(stoppable(line, async), "frozen_texts");
             line.go_silent();
             do co_await copy.write(pieces());
             while (line.falls_silent());
         }},
        {"AsyncCopyIn::try_write",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyIn<std::string>::open(stoppable(line, async), "frozen_texts");
             line.go_silent();
             do (co_await copy.try_write(pieces())).value();
             while (line.falls_silent());
         }},
        {"AsyncCopyIn::finish",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyIn<std::string>::open(stoppable(line, async), "frozen_texts");
             line.go_silent();
             co_await copy.finish();
         }},
        {"AsyncCopyIn::try_finish",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyIn<std::string>::open(stoppable(line, async), "frozen_texts");
             line.go_silent();
             drop((co_await copy.try_finish()).value());
         }},
        {"AsyncCopyIn::fail",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyIn<std::string>::open(stoppable(line, async), "frozen_texts");
             line.go_silent();
             co_await copy.fail("it is a test");
         }},
        {"AsyncCopyIn::try_fail",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyIn<std::string>::open(stoppable(line, async), "frozen_texts");
             line.go_silent();
             (co_await copy.try_fail("it is a test")).value();
         }},
        {"AsyncCopyIn::~AsyncCopyIn",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyIn<std::string>::open(async, "frozen_texts");
             co_await copy.write(pieces());
             line.go_silent();
         },
         End::mute},
        {"AsyncCopyOut::open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await pg::AsyncCopyOut<std::string>::open(stoppable(line, async), "frozen_texts"));
         }},
        {"AsyncCopyOut::try_open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             drop((co_await pg::AsyncCopyOut<std::string>::try_open(stoppable(line, async), "frozen_texts")).value());
         }},
        {"AsyncCopyOut::read",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyOut<std::string>::open(stoppable(line, async), copied_rows(rows(line)));
             line.go_silent();
             while (!(co_await copy.read(100)).empty()) {
             }
         }},
        {"AsyncCopyOut::try_read",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyOut<std::string>::open(stoppable(line, async), copied_rows(rows(line)));
             line.go_silent();
             while (!(co_await copy.try_read(100)).value().empty()) {
             }
         }},
        {"AsyncCopyOut::~AsyncCopyOut",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const auto copy = co_await pg::AsyncCopyOut<std::string>::open(async, copied_rows(many_rows(line)));
             line.go_silent();
         },
         End::mute},
        {"AsyncCopyWriter::open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             static_cast<void>(co_await pg::AsyncCopyWriter::open(stoppable(line, async), copied_in));
         }},
        {"AsyncCopyWriter::try_open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             drop((co_await pg::AsyncCopyWriter::try_open(stoppable(line, async), copied_in)).value());
         }},
        {"AsyncCopyWriter::write",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyWriter::open(stoppable(line, async), copied_in);
             line.go_silent();
             do co_await copy.write(lines());
             while (line.falls_silent());
         }},
        {"AsyncCopyWriter::try_write",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyWriter::open(stoppable(line, async), copied_in);
             line.go_silent();
             do (co_await copy.try_write(lines())).value();
             while (line.falls_silent());
         }},
        {"AsyncCopyWriter::finish",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyWriter::open(stoppable(line, async), copied_in);
             line.go_silent();
             co_await copy.finish();
         }},
        {"AsyncCopyWriter::try_finish",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyWriter::open(stoppable(line, async), copied_in);
             line.go_silent();
             drop((co_await copy.try_finish()).value());
         }},
        {"AsyncCopyWriter::fail",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyWriter::open(stoppable(line, async), copied_in);
             line.go_silent();
             co_await copy.fail("it is a test");
         }},
        {"AsyncCopyWriter::try_fail",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyWriter::open(stoppable(line, async), copied_in);
             line.go_silent();
             (co_await copy.try_fail("it is a test")).value();
         }},
        {"AsyncCopyWriter::~AsyncCopyWriter",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             auto copy = co_await pg::AsyncCopyWriter::open(async, copied_in);
             co_await copy.write(lines());
             line.go_silent();
         },
         End::mute},
        {"AsyncCopyReader::open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             static_cast<void>(
                 co_await pg::AsyncCopyReader::open(stoppable(line, async), "copy frozen_texts to stdout"));
         }},
        {"AsyncCopyReader::try_open",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             line.go_silent();
             drop((co_await pg::AsyncCopyReader::try_open(stoppable(line, async), "copy frozen_texts to stdout"))
                      .value());
         }},
        {"AsyncCopyReader::read",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const std::string sql = "copy " + copied_rows(rows(line)) + " to stdout";
             auto copy = co_await pg::AsyncCopyReader::open(stoppable(line, async), pg::runtime(sql));
             line.go_silent();
             while (co_await copy.read()) {
             }
         }},
        {"AsyncCopyReader::try_read",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const std::string sql = "copy " + copied_rows(rows(line)) + " to stdout";
             auto copy = co_await pg::AsyncCopyReader::open(stoppable(line, async), pg::runtime(sql));
             line.go_silent();
             while ((co_await copy.try_read()).value()) {
             }
         }},
        {"AsyncCopyReader::~AsyncCopyReader",
         [](Line& line, pg::Client&, pg::AsyncClient async) -> Task<void> {
             const std::string sql = "copy " + copied_rows(many_rows(line)) + " to stdout";
             const auto copy = co_await pg::AsyncCopyReader::open(async, pg::runtime(sql));
             line.go_silent();
         },
         End::mute},
        {"AsyncListener::listen",
         [](Line& line, pg::Client& db, pg::AsyncClient) -> Task<void> {
             pg::AsyncListener listener(db);
             line.go_silent();
             co_await listener.listen("frozen");
         }},
        {"AsyncListener::try_listen",
         [](Line& line, pg::Client& db, pg::AsyncClient) -> Task<void> {
             pg::AsyncListener listener(db);
             line.go_silent();
             (co_await listener.try_listen("frozen")).value();
         }},
        {"AsyncListener::unlisten",
         [](Line& line, pg::Client& db, pg::AsyncClient) -> Task<void> {
             pg::AsyncListener listener(db);
             co_await listener.listen("frozen");
             line.go_silent();
             co_await listener.unlisten("frozen");
         }},
        {"AsyncListener::try_unlisten",
         [](Line& line, pg::Client& db, pg::AsyncClient) -> Task<void> {
             pg::AsyncListener listener(db);
             co_await listener.listen("frozen");
             line.go_silent();
             (co_await listener.try_unlisten("frozen")).value();
         }},
        {"AsyncListener::next",
         [](Line& line, pg::Client& db, pg::AsyncClient) -> Task<void> {
             pg::AsyncListener listener(db);
             co_await listener.listen("frozen");
             line.go_silent();
             static_cast<void>(co_await listener.next(patience(line), line.stop()));
         },
         End::mute},
        {"AsyncListener::try_next",
         [](Line& line, pg::Client& db, pg::AsyncClient) -> Task<void> {
             pg::AsyncListener listener(db);
             co_await listener.listen("frozen");
             line.go_silent();
             drop((co_await listener.try_next(patience(line), line.stop())).value());
         },
         End::mute},
        {"AsyncListener::operator=",
         [](Line& line, pg::Client& db, pg::AsyncClient) -> Task<void> {
             pg::AsyncListener one(db), two(db);
             co_await one.listen("frozen");
             line.go_silent();
             one = std::move(two);
         },
         End::mute},
        {"AsyncListener::~AsyncListener",
         [](Line& line, pg::Client& db, pg::AsyncClient) -> Task<void> {
             pg::AsyncListener listener(db);
             co_await listener.listen("frozen");
             line.go_silent();
         },
         End::mute},
    };
    return all;
}

}  // namespace frozen

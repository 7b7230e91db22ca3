// The functions of prepared statements, batches, streams and COPYs.
#include <pg/batch.hpp>
#include <pg/copy.hpp>

#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {

using namespace std::chrono_literals;

namespace {

/// More than the buffers on the way take, from the first row on.
constexpr auto* endless_query = "select repeat('x', 1000 + 0 * generate_series(1, 10000000))";
constexpr auto* endless_rows = "(select repeat('x', 1000 + 0 * generate_series(1, 10000000)))";
constexpr auto* endless_row = "(select repeat('x', 20000000))";
constexpr auto* endless_copy = "copy (select repeat('x', 1000 + 0 * generate_series(1, 10000000))) to stdout";

const std::string& piece() {
    static const std::string text(std::size_t{1} << 16, 'x');
    return text;
}

}  // namespace

const std::vector<Verb>& statements() {
    static const std::vector<Verb> all{
        {"Prepared::operator()",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             const auto twice = db.prepare<int(int)>("select $1::int * 2").on(on);
             line.go_silent(), twice(1);
         }},
        {"Prepared::try_call",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             const auto twice = db.prepare<int(int)>("select $1::int * 2").on(on);
             line.go_silent(), static_cast<void>(twice.try_call(1).value());
         }},
        {"Prepared::~Prepared",
         [](Line& line, pg::Client&) {
             const auto last = line.other_client().prepare<int(int)>("select $1::int * 2");
             last(1);
             line.go_silent();
         },
         End::mute},
        {"Batch::run",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::Batch batch(on);
             batch.exec("select 1"), batch.exec("select 2");
             line.go_silent(), batch.run();
         }},
        {"Batch::try_run",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::Batch batch(on);
             const auto two = batch.exec("select 2");
             line.go_silent(), batch.try_run(pg::BatchMode::each).value();
             static_cast<void>(two.get());
         }},
        {"Stream::try_next",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             auto stream = on.stream<std::string>(pg::runtime(endless_query));
             line.go_silent();
             while (stream.try_next().value() != nullptr) {
             }
         }},
        {"Stream::Iterator::operator++",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             auto stream = on.stream<std::string>(pg::runtime(endless_query));
             line.go_silent();
             for (auto at = stream.begin(); at != stream.end();) ++at;
         }},
        {"Stream::~Stream",
         [](Line& line, pg::Client& db) {
             const auto stream = db.stream<std::string>(pg::runtime(endless_query));
             line.go_silent();
         },
         End::mute, 2s},
        {"CopyWriter::CopyWriter",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), static_cast<void>(pg::CopyWriter(on, "copy frozen_texts from stdin"));
         }},
        {"CopyWriter::try_open",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), static_cast<void>(pg::CopyWriter::try_open(on, "copy frozen_texts from stdin").value());
         }},
        {"CopyWriter::write",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyWriter copy(on, "copy frozen_texts from stdin");
             for (line.go_silent();;) copy.write(piece());
         }},
        {"CopyWriter::try_write",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyWriter copy(on, "copy frozen_texts from stdin");
             for (line.go_silent();;) copy.try_write(piece()).value();
         }},
        {"CopyWriter::finish",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyWriter copy(on, "copy frozen_texts from stdin");
             line.go_silent(), copy.finish();
         }},
        {"CopyWriter::try_finish",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyWriter copy(on, "copy frozen_texts from stdin");
             line.go_silent(), static_cast<void>(copy.try_finish().value());
         }},
        {"CopyWriter::fail",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyWriter copy(on, "copy frozen_texts from stdin");
             line.go_silent(), copy.fail("it is a test");
         }},
        {"CopyWriter::try_fail",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyWriter copy(on, "copy frozen_texts from stdin");
             line.go_silent(), copy.try_fail("it is a test").value();
         }},
        {"CopyWriter::~CopyWriter",
         [](Line& line, pg::Client& db) {
             const pg::CopyWriter copy(db, "copy frozen_texts from stdin");
             line.go_silent();
         },
         End::mute, 2s},
        {"CopyReader::CopyReader",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), static_cast<void>(pg::CopyReader(on, "copy frozen_texts to stdout"));
         }},
        {"CopyReader::try_open",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), static_cast<void>(pg::CopyReader::try_open(on, "copy frozen_texts to stdout").value());
         }},
        {"CopyReader::read",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyReader copy(on, pg::runtime(endless_copy));
             line.go_silent();
             while (copy.read()) {
             }
         }},
        {"CopyReader::try_read",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyReader copy(on, pg::runtime(endless_copy));
             line.go_silent();
             while (copy.try_read().value()) {
             }
         }},
        {"CopyReader::~CopyReader",
         [](Line& line, pg::Client& db) {
             const pg::CopyReader copy(db, pg::runtime(endless_copy));
             line.go_silent();
         },
         End::mute, 2s},
        {"CopyIn::CopyIn",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), static_cast<void>(pg::CopyIn<std::string>(on, "frozen_texts"));
         }},
        {"CopyIn::try_open",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), static_cast<void>(pg::CopyIn<std::string>::try_open(on, "frozen_texts").value());
         }},
        {"CopyIn::write",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyIn<std::string> copy(on, "frozen_texts");
             for (line.go_silent();;) copy.write(piece());
         }},
        {"CopyIn::try_write",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyIn<std::string> copy(on, "frozen_texts");
             for (line.go_silent();;) copy.try_write(piece()).value();
         }},
        {"CopyIn::finish",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyIn<std::string> copy(on, "frozen_texts");
             line.go_silent(), copy.finish();
         }},
        {"CopyIn::try_finish",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyIn<std::string> copy(on, "frozen_texts");
             line.go_silent(), static_cast<void>(copy.try_finish().value());
         }},
        {"CopyIn::fail",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyIn<std::string> copy(on, "frozen_texts");
             line.go_silent(), copy.fail("it is a test");
         }},
        {"CopyIn::try_fail",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyIn<std::string> copy(on, "frozen_texts");
             line.go_silent(), copy.try_fail("it is a test").value();
         }},
        {"CopyIn::~CopyIn",
         [](Line& line, pg::Client& db) {
             const pg::CopyIn<std::string> copy(db, "frozen_texts");
             line.go_silent();
         },
         End::mute, 2s},
        {"CopyOut::CopyOut",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), static_cast<void>(pg::CopyOut<std::string>(on, "frozen_texts"));
         }},
        {"CopyOut::try_open",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), static_cast<void>(pg::CopyOut<std::string>::try_open(on, "frozen_texts").value());
         }},
        {"CopyOut::begin",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyOut<std::string> copy(on, endless_row);
             line.go_silent(), static_cast<void>(copy.begin());
         }},
        {"CopyOut::Iterator::operator++",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyOut<std::string> copy(on, endless_rows);
             line.go_silent();
             for (auto at = copy.begin(); at != copy.end();) ++at;
         }},
        {"CopyOut::try_next",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             pg::CopyOut<std::string> copy(on, endless_rows);
             line.go_silent();
             while (copy.try_next().value() != nullptr) {
             }
         }},
        {"CopyOut::~CopyOut",
         [](Line& line, pg::Client& db) {
             const pg::CopyOut<std::string> copy(db, endless_rows);
             line.go_silent();
         },
         End::mute, 2s},
        {"copy_rows",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent(), pg::copy_rows(on, "frozen_texts", std::vector<std::string>{"a"});
         }},
        {"try_copy_rows",
         [](Line& line, pg::Client& db) {
             auto on = stoppable(line, db);
             line.go_silent();
             static_cast<void>(pg::try_copy_rows(on, "frozen_texts", std::vector<std::string>{"a"}).value());
         }},
    };
    return all;
}

}  // namespace frozen

// What of Asio can wait for the server.
#include <asio/io_context.hpp>
#include <pg/integrations/asio.hpp>

#include "tests/db/assembly/frozen_verbs.hpp"

namespace frozen {

const std::vector<Verb>& of_asio() {
    using namespace std::chrono_literals;
    static const std::vector<Verb> all{
        {"integrations::AsioEventLoop::~AsioEventLoop",
         [](Line& line, pg::Client&) {
             asio::io_context io;
             pg::integrations::AsioEventLoop loop(io);
             pg::Options options = line.options();
             options.event_loop = &loop;
             const pg::Client db = pg::open(line.conninfo(), options);
             std::optional<pg::AsyncTransaction> left;  // for the loop to roll back
             db.async().begin().start([&](pg::Expected<pg::AsyncTransaction> begun) {
                 if (begun) left.emplace(*std::move(begun));
             });
             io.run();
             if (!left) return;
             line.go_silent();
         },
         End::mute, 2s},
    };
    return all;
}

}  // namespace frozen

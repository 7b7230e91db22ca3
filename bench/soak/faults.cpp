// What each fault does, and for how long.
#include "bench/soak/faults.hpp"

#include <thread>

namespace soak {
namespace {

using pg::testing::Direction;
using pg::testing::Ending;

}  // namespace

Faults::Faults(pg::testing::TestServer& server, pg::testing::FaultProxy& proxy, std::uint32_t seed)
    : server_(server),
      proxy_(proxy),
      admin_(pg::open(server.conninfo(), {.pool_max_size = 1, .timeout = std::chrono::seconds(5)})),
      random_(seed) {}

void Faults::wait(int least, int most) {
    const int time = least + static_cast<int>(random_() % static_cast<unsigned>(most - least));
    std::this_thread::sleep_for(std::chrono::milliseconds(time));
}

void Faults::with(Direction direction, const pg::testing::Faults& faults, int least, int most) {
    proxy_.set(direction, faults);
    wait(least, most);
    proxy_.heal();
}

void Faults::terminate(int sessions) {
    static_cast<void>(admin_.try_exec(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'soak' order by random() "
        "limit $1",
        sessions));
}

void Faults::freeze_one() {
    const auto process = admin_.try_query_maybe<int>(
        "select pid from pg_stat_activity where application_name = 'soak' order by random() limit 1");
    if (!process || !*process) return;
    try {
        server_.freeze_backend(**process);
        wait(100, 600);
        server_.thaw_backend(**process);
    } catch (const pg::UsageError&) {  // it ended meanwhile
    }
}

Faults::Door Faults::next() {
    wait(50, 400);
    const Direction direction = random_() % 2 == 0 ? Direction::to_client : Direction::to_server;
    switch (random_() % 12) {
        case 0:
            ++done_["reset"];
            proxy_.cut(Ending::reset);
            break;
        case 1:
            ++done_["end"];
            proxy_.cut(Ending::fin);
            break;
        case 2:
            ++done_["half end"];
            proxy_.half_close(direction);
            break;
        case 3:
            ++done_["delay"];
            with(direction, {.delay = std::chrono::milliseconds(random_() % 80)}, 200, 800);
            break;
        case 4:
            ++done_["freeze"];
            with(direction, {.frozen = true}, 100, 1500);
            break;
        case 5:  // what is lost stays lost, so the connections end with it
            ++done_["black hole"];
            with(direction, {.swallow_after = random_() % 2000}, 200, 1500);
            proxy_.cut(Ending::reset);
            break;
        case 6:
            ++done_["end inside of a message"];
            with(direction, {.cut_after = random_() % 3000}, 50, 300);
            break;
        case 7:
            ++done_["one byte at a time"];
            with(direction, {.one_byte_at_a_time = true}, 100, 400);
            break;
        case 8:
            ++done_["terminated sessions"];
            terminate(static_cast<int>(1 + random_() % 4));
            break;
        case 9:
            ++done_["frozen session"];
            freeze_one();
            break;
        case 10:
            ++done_["refusal"];
            proxy_.refuse();
            proxy_.cut(Ending::reset);
            wait(300, 1200);
            proxy_.heal();
            return Door::closed;
        default:
            ++done_["restart"];
            server_.stop(random_() % 3 == 0 ? pg::testing::ShutdownMode::immediate : pg::testing::ShutdownMode::fast);
            server_.start_again();
            return Door::closed;
    }
    return Door::open;
}

std::string Faults::done() const {
    std::string text;
    for (const auto& [name, times] : done_)
        text.append(text.empty() ? "" : ", ").append(name).append(" ").append(std::to_string(times));
    return text;
}

int Faults::count() const {
    int sum = 0;
    for (const auto& [name, times] : done_) sum += times;
    return sum;
}

}  // namespace soak

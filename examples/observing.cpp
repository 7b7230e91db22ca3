// Seeing what a client does: numbers of every kind of request, and an observer of one's own.
#include <cstdio>
#include <pg/client.hpp>
#include <pg/metrics.hpp>

#include "example.hpp"

// [own]
/// Prints what took longer than it should.
class SlowRequests final : public pg::spi::Observer {
public:
    explicit SlowRequests(std::chrono::nanoseconds limit) : limit_(limit) {}

private:
    void on_request(const pg::spi::RequestEvent& event) noexcept override {
        if (event.duration < limit_) return;
        std::printf("%s took %.1f ms, %.1f of them for a session: %.*s\n", std::string(to_string(event.kind)).c_str(),
                    std::chrono::duration<double, std::milli>(event.duration).count(),
                    std::chrono::duration<double, std::milli>(event.waited).count(), static_cast<int>(event.sql.size()),
                    event.sql.data());
    }

    const std::chrono::nanoseconds limit_;
};
// [own]

int main(int argc, char** argv) {
    const std::string uri = example::conninfo(argc, argv);

    // [attach]
    const auto metrics = std::make_shared<pg::Metrics>();
    const std::vector<std::shared_ptr<pg::spi::Observer>> observers{
        metrics, std::make_shared<SlowRequests>(std::chrono::milliseconds(100))};
    pg::Client db = pg::connect(uri, {.observers = &observers});
    // [attach]

    // [label]
    const int tables = db.with({.label = "report.count"}).query_one<int>("select count(*)::int from pg_class");
    db.exec(pg::Query{.sql = "create temporary table t (a int)", .label = "report.prepare"});
    // [label]

    // [numbers]
    const pg::MetricsSnapshot now = metrics->snapshot();
    const pg::RequestNumbers count = now.of("report.count");  // requests with this label
    const auto slow = count.duration.quantile(0.99);          // not more than a sixteenth too long
    const auto waits = now.wait_time.quantile(0.99);          // for a session
    // [numbers]
    example::check(tables > 0, "a label changes nothing");
    example::check(count.duration.count() == 1 && count.rows == 1 && slow.count() > 0, "the numbers of a label");
    example::check(waits.count() >= 0 && now.create_time.count() == 1, "the numbers of sessions");
}

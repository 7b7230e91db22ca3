// Many rows or many statements at once: COPY and batches.
#include <pg/batch.hpp>
#include <pg/client.hpp>
#include <pg/copy.hpp>

#include "example.hpp"

namespace {

// [point]
struct Point {
    std::int64_t id;
    double value;
    std::optional<std::string> label;
};
// [point]

}  // namespace

int main(int argc, char** argv) {
    pg::Client db = pg::connect(example::conninfo(argc, argv));
    db.run_script("create table points (id bigint, value float8, label text)");

    // [copy_in]
    pg::CopyIn<Point> in(db, "points (id, value, label)");
    for (std::int64_t id = 0; id < 1000; ++id) in.write({id, 0.5 * static_cast<double>(id), std::nullopt});
    const std::uint64_t copied = in.finish();  // without finish, the server keeps none of them
    // [copy_in]
    example::check(copied == 1000, "rows copied in");

    // [copy_out]
    double sum = 0;
    for (const Point& point : pg::CopyOut<Point>(db, "points (id, value, label)")) sum += point.value;
    // [copy_out]
    example::check(sum == 249750.0, "rows copied out");

    // [batch]
    pg::Batch batch(db);
    auto count = batch.query_one<std::int64_t>("select count(*) from points");
    auto highest = batch.query_one<double>("select max(value) from points where id < $1", 100);
    auto removed = batch.exec("delete from points where id >= $1", 500);
    batch.run();  // one round trip; one implicit transaction
    // [batch]
    example::check(count.get() == 1000 && highest.get() == 49.5 && removed.get() == 500, "batch");
}

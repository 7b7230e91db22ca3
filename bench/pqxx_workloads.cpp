// The operations of the benchmarks by libpqxx, as its manual shows them: text on the wire, converted field by field.
#include <memory>
#include <pqxx/pqxx>
#include <string>
#include <tuple>
#include <utility>

#include "bench/workload.hpp"

namespace bench {
namespace {

/// libpqxx reads a timestamp as text. The benchmarks' sessions show UTC, so it looks like 2020-01-01 00:00:07+00.
std::chrono::sys_time<std::chrono::microseconds> to_time(const pqxx::field& field) {
    const std::string_view text(field.c_str(), field.size());
    const auto number = [text](std::size_t at, std::size_t digits) {
        int value = 0;
        for (char digit : text.substr(at, digits)) value = value * 10 + (digit - '0');
        return value;
    };
    const std::chrono::year_month_day day{std::chrono::year(number(0, 4)),
                                          std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                          std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    return std::chrono::sys_days(day) + std::chrono::hours(number(11, 2)) + std::chrono::minutes(number(14, 2)) +
           std::chrono::seconds(number(17, 2));
}

Record to_record(const pqxx::row& row) {
    return {.id = row[0].as<int>(),
            .big = row[1].as<long long>(),
            .real = row[2].as<double>(),
            .name = row[3].as<std::string>(),
            .made = to_time(row[4]),
            .flag = row[5].as<bool>(),
            .maybe = row[6].is_null() ? std::nullopt : std::optional(row[6].as<int>())};
}

/// As the server reads it: 2020-01-01 00:00:07+00. The records have whole seconds.
std::string to_text(std::chrono::sys_time<std::chrono::microseconds> time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    char text[40];
    std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d+00", int(date.year()), unsigned(date.month()),
                  unsigned(date.day()), int(clock.hours().count()), int(clock.minutes().count()),
                  int(clock.seconds().count()));
    return text;
}

class Listener final : public pqxx::notification_receiver {
public:
    explicit Listener(pqxx::connection& connection) : pqxx::notification_receiver(connection, "bench_pqxx") {}
    void operator()(const std::string& payload, int) override { payload_ = payload; }
    [[nodiscard]] std::size_t length() const { return payload_.size(); }

private:
    std::string payload_;
};

class Peer {
public:
    Peer(std::string conninfo, const Scale& scale)
        : conninfo_(std::move(conninfo) + " options='-c timezone=UTC'"),
          scale_(scale),
          connection_(conninfo_),
          records_(records(scale.inserts)),
          listener_(connection_) {
        connection_.prepare("select_one", select_one);
        connection_.prepare("insert_one", insert_one);
    }

    std::uint64_t connect() const { return static_cast<std::uint64_t>(pqxx::connection(conninfo_).server_version()); }

    std::uint64_t point_select() {
        Record record{};
        pqxx::nontransaction work(connection_);
        for (std::int32_t n = 0; n < selects; ++n)
            record = to_record(work.exec_prepared1("select_one", scattered(scale_, n)));
        return digest(selects, record);
    }

    std::uint64_t unprepared_select() {
        Record record{};
        pqxx::nontransaction work(connection_);
        for (std::int32_t n = 0; n < selects; ++n)
            record = to_record(work.exec_params1(select_one, scattered(scale_, n)));
        return digest(selects, record);
    }

    std::uint64_t bulk_read() {
        pqxx::nontransaction work(connection_);
        const pqxx::result result = work.exec(select_all);
        std::vector<Record> rows;
        rows.reserve(result.size());
        for (const pqxx::row& row : result) rows.push_back(to_record(row));
        return digest(rows.size(), rows.back());
    }

    /// Its pipeline takes texts only, so the argument goes into each.
    std::uint64_t batch_select() {
        Record record{};
        pqxx::nontransaction work(connection_);
        pqxx::pipeline pipeline(work);
        pipeline.retain(batch_depth);
        const std::string text(select_one, std::string_view(select_one).find("$1"));
        for (std::int32_t n = 0; n < batch_depth; ++n) pipeline.insert(text + pqxx::to_string(scattered(scale_, n)));
        while (!pipeline.empty()) record = to_record(pipeline.retrieve().second.front());
        return digest(batch_depth, record);
    }

    std::uint64_t copy_in() {
        pqxx::work work(connection_);
        pqxx::stream_to stream(work, "bench_inserts");
        for (const Record& record : records_) {
            const std::string maybe = record.maybe ? pqxx::to_string(*record.maybe) : "";
            stream << std::tuple(record.id, record.big, record.real, record.name, to_text(record.made), record.flag,
                                 record.maybe ? maybe.c_str() : nullptr);
        }
        stream.complete();
        work.commit();
        return records_.size();
    }

    std::uint64_t single_insert() {
        pqxx::nontransaction work(connection_);
        for (std::int32_t n = 0; n < selects; ++n) {
            const Record& record = records_[static_cast<std::size_t>(n)];
            const int maybe = record.maybe.value_or(0);
            work.exec_prepared0("insert_one", record.id, record.big, record.real, record.name, to_text(record.made),
                                record.flag, record.maybe ? &maybe : nullptr);
        }
        return selects;
    }

    std::uint64_t transaction() {
        pqxx::work(connection_).commit();
        return 1;
    }

    std::uint64_t savepoint() {
        pqxx::work work(connection_);
        pqxx::subtransaction(work).commit();
        work.commit();
        return 1;
    }

    std::uint64_t notify() {
        pqxx::nontransaction(connection_).exec0("notify bench_pqxx, 'hello'");
        connection_.get_notifs();
        return listener_.length();
    }

    std::uint64_t array() {
        pqxx::nontransaction work(connection_);
        const pqxx::row row = work.exec1(select_array);
        pqxx::array_parser parser = row[0].as_array();
        std::vector<std::int32_t> elements;
        for (auto item = parser.get_next(); item.first != pqxx::array_parser::done; item = parser.get_next())
            if (item.first == pqxx::array_parser::string_value) pqxx::from_string(item.second, elements.emplace_back());
        return elements.size() + static_cast<std::uint64_t>(elements.back());
    }

    std::uint64_t jsonb() {
        pqxx::nontransaction work(connection_);
        return work.exec1(select_jsonb)[0].as<std::string>().size();
    }

    std::uint64_t large_object() {
        std::vector<char> bytes(large_object_size, 'x');
        pqxx::work work(connection_);
        pqxx::largeobjectaccess object(work);
        object.write(bytes.data(), bytes.size());
        object.seek(0, std::ios::beg);
        std::size_t read = 0;
        while (read < bytes.size()) read += static_cast<std::size_t>(object.read(&bytes[read], bytes.size() - read));
        object.remove(work);
        work.commit();
        return read;
    }

private:
    std::string conninfo_;
    Scale scale_;
    pqxx::connection connection_;
    std::vector<Record> records_;
    Listener listener_;
};

}  // namespace

std::vector<Workload> pqxx_workloads(const std::string& conninfo, const Scale& scale) {
    const auto peer = std::make_shared<Peer>(conninfo, scale);
    return {
        {operation::connect, 1, [peer] { return peer->connect(); }},
        {operation::point_select, selects, [peer] { return peer->point_select(); }},
        {operation::unprepared, selects, [peer] { return peer->unprepared_select(); }},
        {operation::bulk_read, scale.rows, [peer] { return peer->bulk_read(); }},
        {operation::batch_select, batch_depth, [peer] { return peer->batch_select(); }},
        {operation::copy_in, scale.inserts, [peer] { return peer->copy_in(); }, true},
        {operation::single_insert, selects, [peer] { return peer->single_insert(); }, true},
        {operation::transaction, 1, [peer] { return peer->transaction(); }},
        {operation::savepoint, 1, [peer] { return peer->savepoint(); }},
        {operation::notify, 1, [peer] { return peer->notify(); }},
        {operation::array, 1, [peer] { return peer->array(); }},
        {operation::jsonb, 1, [peer] { return peer->jsonb(); }},
        {operation::large_object, 1, [peer] { return peer->large_object(); }},
    };
}

}  // namespace bench

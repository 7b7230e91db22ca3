// The operations of the benchmarks by SOCI, as its manual shows them: bound variables, vectors of them for many rows.
#include <soci/soci-config.h>
// Debian builds SOCI with Boost, which only its bindings of Boost's types need; nothing here uses one.
#undef SOCI_HAVE_BOOST
#undef SOCI_HAVE_BOOST_DATE_TIME
#include <ctime>
#include <memory>
#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <string>
#include <utility>

#include "bench/workload.hpp"

namespace bench {
namespace {

/// What SOCI binds the columns of a row to.
struct Bound {
    int id = 0;
    long long big = 0;
    double real = 0;
    std::string name;
    std::tm made{};
    int flag = 0;  // it has no bool
    int maybe = 0;
    soci::indicator has_maybe = soci::i_ok;
};

std::chrono::sys_time<std::chrono::microseconds> to_time(const std::tm& time) {
    const std::chrono::year_month_day day{std::chrono::year(time.tm_year + 1900),
                                          std::chrono::month(static_cast<unsigned>(time.tm_mon + 1)),
                                          std::chrono::day(static_cast<unsigned>(time.tm_mday))};
    return std::chrono::sys_days(day) + std::chrono::hours(time.tm_hour) + std::chrono::minutes(time.tm_min) +
           std::chrono::seconds(time.tm_sec);
}

std::tm to_tm(std::chrono::sys_time<std::chrono::microseconds> time) {
    const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    return parts;
}

Record to_record(const Bound& bound) {
    return {.id = bound.id,
            .big = bound.big,
            .real = bound.real,
            .name = bound.name,
            .made = to_time(bound.made),
            .flag = bound.flag != 0,
            .maybe = bound.has_maybe == soci::i_ok ? std::optional(bound.maybe) : std::nullopt};
}

class Peer {
public:
    Peer(std::string conninfo, const Scale& scale)
        : conninfo_(std::move(conninfo) + " options='-c timezone=UTC'"),
          scale_(scale),
          session_(soci::postgresql, conninfo_),
          records_(records(scale.inserts)) {}

    std::uint64_t connect() const {
        soci::session session(soci::postgresql, conninfo_);
        std::string version;
        session << "select current_setting('server_version_num')", soci::into(version);
        return std::stoull(version);
    }

    std::uint64_t point_select() {
        Record record{};
        for (std::int32_t n = 0; n < selects; ++n) {
            key_ = scattered(scale_, n);
            if (!select_one_.execute(true)) fail("point select", "no row");
            record = to_record(found_);
        }
        return digest(selects, record);
    }

    std::uint64_t unprepared_select() {
        Record record{};
        Bound bound;
        for (std::int32_t n = 0; n < selects; ++n) {
            const int key = scattered(scale_, n);
            session_ << named_select_one, soci::into(bound.id), soci::into(bound.big), soci::into(bound.real),
                soci::into(bound.name), soci::into(bound.made), soci::into(bound.flag),
                soci::into(bound.maybe, bound.has_maybe), soci::use(key, "id");
            record = to_record(bound);
        }
        return digest(selects, record);
    }

    std::uint64_t bulk_read() {
        constexpr std::size_t piece = 1000;
        std::vector<int> id(piece), flag(piece), maybe(piece);
        std::vector<long long> big(piece);
        std::vector<double> real(piece);
        std::vector<std::string> name(piece);
        std::vector<std::tm> made(piece);
        std::vector<soci::indicator> has_maybe(piece);
        soci::statement statement =
            (session_.prepare << all_with_int_flag, soci::into(id), soci::into(big), soci::into(real), soci::into(name),
             soci::into(made), soci::into(flag), soci::into(maybe, has_maybe));
        std::vector<Record> rows;
        statement.execute();
        while (statement.fetch()) {
            for (std::size_t i = 0; i < id.size(); ++i)
                rows.push_back(
                    to_record({id[i], big[i], real[i], std::move(name[i]), made[i], flag[i], maybe[i], has_maybe[i]}));
            for (auto* numbers : {&id, &flag, &maybe}) numbers->resize(piece);
            big.resize(piece);
            real.resize(piece);
            name.resize(piece);
            made.resize(piece);
            has_maybe.resize(piece);
        }
        return digest(rows.size(), rows.back());
    }

    std::uint64_t single_insert() {
        for (std::int32_t n = 0; n < selects; ++n) {
            const Record& record = records_[static_cast<std::size_t>(n)];
            insert_ = {record.id,
                       record.big,
                       record.real,
                       record.name,
                       to_tm(record.made),
                       record.flag ? 1 : 0,
                       record.maybe.value_or(0),
                       record.maybe ? soci::i_ok : soci::i_null};
            insert_one_.execute(true);
        }
        return selects;
    }

    std::uint64_t transaction() {
        soci::transaction(session_).commit();
        return 1;
    }

private:
    static constexpr const char* all_with_int_flag =
        "select id, big, \"real\", name, made, flag::int4, maybe from bench_rows";
    static constexpr const char* named_select_one =
        "select id, big, \"real\", name, made, flag::int4, maybe from bench_rows where id = :id";
    static constexpr const char* named_insert_one =
        "insert into bench_inserts values (:id, :big, :real, :name, :made, cast(cast(:flag as int4) as bool), :maybe)";

    std::string conninfo_;
    Scale scale_;
    soci::session session_;
    std::vector<Record> records_;
    int key_ = 0;
    Bound found_, insert_;
    soci::statement select_one_ =
        (session_.prepare << named_select_one, soci::into(found_.id), soci::into(found_.big), soci::into(found_.real),
         soci::into(found_.name), soci::into(found_.made), soci::into(found_.flag),
         soci::into(found_.maybe, found_.has_maybe), soci::use(key_, "id"));
    soci::statement insert_one_ =
        (session_.prepare << named_insert_one, soci::use(insert_.id, "id"), soci::use(insert_.big, "big"),
         soci::use(insert_.real, "real"), soci::use(insert_.name, "name"), soci::use(insert_.made, "made"),
         soci::use(insert_.flag, "flag"), soci::use(insert_.maybe, insert_.has_maybe, "maybe"));
};

}  // namespace

std::vector<Workload> soci_workloads(const std::string& conninfo, const Scale& scale) {
    const auto peer = std::make_shared<Peer>(conninfo, scale);
    return {
        {operation::connect, 1, [peer] { return peer->connect(); }},
        {operation::point_select, selects, [peer] { return peer->point_select(); }},
        {operation::unprepared, selects, [peer] { return peer->unprepared_select(); }},
        {operation::bulk_read, scale.rows, [peer] { return peer->bulk_read(); }},
        {operation::single_insert, selects, [peer] { return peer->single_insert(); }, true},
        {operation::transaction, 1, [peer] { return peer->transaction(); }},
    };
}

}  // namespace bench

// Session: a libpq connection for these tests.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <memory>
#include <string>

namespace pg::testing {

/// One attempt to connect, and what came of it.
class Session final {
public:
    explicit Session(const std::string& conninfo)
        : connection_(PQconnectdb((conninfo + " connect_timeout=20").c_str()), &PQfinish) {
        PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
    }

    [[nodiscard]] bool connected() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
    [[nodiscard]] std::string error() const { return PQerrorMessage(connection_.get()); }
    [[nodiscard]] PGconn* get() const { return connection_.get(); }

    /// The first value of the first row, "" for a statement without rows; "error: …" when it failed.
    std::string value(const std::string& sql) {
        const std::unique_ptr<PGresult, void (*)(PGresult*)> result(PQexec(connection_.get(), sql.c_str()), &PQclear);
        switch (PQresultStatus(result.get())) {
            case PGRES_TUPLES_OK: return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
            case PGRES_COMMAND_OK: return "";
            default: return "error: " + error();
        }
    }

private:
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace pg::testing

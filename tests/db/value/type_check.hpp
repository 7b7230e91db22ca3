// Holds a codec against the server: what it reads, in both formats, must come back as the server's own text.
#pragma once

#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "pg/catalog.hpp"
#include "pg/codec.hpp"
#include "pg/testing/test_server.hpp"

namespace type_check {

using Answer = std::unique_ptr<PGresult, decltype(&PQclear)>;

/// A value as it travels to the server.
struct Argument {
    pg::Oid type{};
    pg::Format format = pg::Format::text;
    std::string bytes;
};

/// One connection to the shared server, with the styles that the library always asks for. Fails the test on an error.
class Session {
public:
    explicit Session(const std::string& conninfo = pg::testing::shared_server().conninfo())
        : connection_(PQconnectdb(conninfo.c_str())) {
        if (PQstatus(connection_) != CONNECTION_OK) ADD_FAILURE() << PQerrorMessage(connection_);
        PQsetNoticeProcessor(connection_, [](void*, const char*) {}, nullptr);
        run("set datestyle = iso; set intervalstyle = postgres; set client_encoding = utf8");
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { PQfinish(connection_); }

    /// Runs a script and returns the result of its last statement, as text.
    Answer run(const std::string& sql) { return checked(PQexec(connection_, sql.c_str()), sql); }

    Answer ask(const std::string& sql, const Argument& argument, pg::Format format) {
        const auto type = static_cast<::Oid>(argument.type);
        const char* value = argument.bytes.c_str();
        const auto length = static_cast<int>(argument.bytes.size());
        const int argument_format = argument.format == pg::Format::binary;
        return checked(PQexecParams(connection_, sql.c_str(), 1, &type, &value, &length, &argument_format,
                                    format == pg::Format::binary),
                       sql);
    }

    /// The first column of a query, as text; rows with NULL are left out.
    std::vector<std::string> column(const std::string& query) {
        std::vector<std::string> texts;
        const Answer answer = run(query);
        for (int row = 0; row < PQntuples(answer.get()); ++row)
            if (!PQgetisnull(answer.get(), row, 0)) texts.emplace_back(PQgetvalue(answer.get(), row, 0));
        return texts;
    }

private:
    static Answer checked(PGresult* result, const std::string& sql) {
        const ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
            ADD_FAILURE() << sql << "\n" << PQresultErrorMessage(result);
        return {result, PQclear};
    }

    PGconn* connection_;
};

/// The session of this program.
inline Session& session() {
    static Session shared;
    return shared;
}

struct Options {
    const pg::TypeCatalog* types = nullptr;
    bool text = true;    ///< whether the type has a text form that the codec reads
    bool binary = true;  ///< whether the type has a binary form
    /// Whether `T::to_string()` is the server's text, which a zone or locale of the session may change.
    bool own_text = true;
    /// Whether the value can be sent back as the SQL type; not so where it was read into a wider one.
    bool send = true;
};

/// One cell of a result, with what it takes to decode it.
struct Received {
    Received(const Answer& from, pg::Format format, const pg::TypeCatalog* types)
        : cell{PQgetvalue(from.get(), 0, 0), PQgetlength(from.get(), 0, 0)},
          wire{static_cast<pg::Oid>(PQftype(from.get(), 0)), format, types} {}

    pg::Cell cell;
    pg::WireType wire;
};

template <class T>
T decoded(const Received& from) {
    T value{};
    EXPECT_TRUE(pg::Codec<T>::accepts(from.wire)) << "type " << static_cast<std::uint32_t>(from.wire.oid);
    const pg::Fault fault = pg::decode_cell(from.cell, from.wire, value);
    EXPECT_FALSE(fault) << fault.reason;
    return value;
}

template <class T>
Argument encoded(const T& value, pg::Oid type, pg::Format format, const pg::TypeCatalog* types) {
    pg::Writer out(types);
    const pg::Fault fault =
        format == pg::Format::binary ? pg::Codec<T>::encode(out, value) : pg::Codec<T>::encode_text(out, value);
    EXPECT_FALSE(fault) << fault.reason;
    return {type, format, std::string(out.bytes())};
}

// Two NaNs count as the same.
template <class T>
bool same(const T& a, const T& b) {
    return a == b || (!(a == a) && !(b == b));
}

/// Sends `value` back as the SQL type, in each format that it has, and expects the server to read it as `text`.
template <class T>
void expect_sent_as(const std::string& type, const T& value, pg::Oid oid, const std::string& text,
                    const Options& options) {
    for (const pg::Format format : {pg::Format::binary, pg::Format::text}) {
        if (!(format == pg::Format::binary ? options.binary : options.text)) continue;
        SCOPED_TRACE(format == pg::Format::binary ? "sent in binary" : "sent as text");
        const Answer back =
            session().ask("select $1::" + type, encoded(value, oid, format, options.types), pg::Format::text);
        EXPECT_STREQ(PQgetvalue(back.get(), 0, 0), text.c_str());
    }
}

/// For each input text of the SQL type `type`: fetches the value in both formats, decodes both to the same `T`, and
/// sends each back in both formats; the server must then write what it wrote at first. So must `T::to_string()`.
template <class T>
void check(const std::string& type, const std::vector<std::string>& inputs, const Options& options = {}) {
    ASSERT_FALSE(inputs.empty());
    for (const std::string& input : inputs) {
        SCOPED_TRACE(type + " '" + input + "'");
        const Argument literal{pg::Oid{}, pg::Format::text, input};
        const std::string sql = "select $1::" + type;
        const Answer as_text = session().ask(sql, literal, pg::Format::text);
        const Answer as_binary = session().ask(sql, literal, options.binary ? pg::Format::binary : pg::Format::text);
        if (PQntuples(as_text.get()) != 1 || PQntuples(as_binary.get()) != 1) continue;

        const Received text(as_text, pg::Format::text, options.types);
        const Received binary(as_binary, pg::Format::binary, options.types);
        const std::string expected(text.cell.bytes());
        std::vector<T> values;
        if (options.text) values.push_back(decoded<T>(text));
        if (options.binary) values.push_back(decoded<T>(binary));
        EXPECT_TRUE(same(values.front(), values.back())) << "text and binary differ";
        for (const T& value : values) {
            if (options.send) expect_sent_as(type, value, text.wire.oid, expected, options);
            if constexpr (requires { value.to_string(); }) {
                if (options.text && options.own_text) {
                    EXPECT_EQ(value.to_string(), expected);
                }
            }
        }
    }
}

}  // namespace type_check

// What the tests of COPY share: a database on a script, a row type, and the frame of the binary form.
#pragma once

#include <gtest/gtest.h>

#include "fake_session.hpp"
#include "pg/copy.hpp"
#include "pg/types/composite.hpp"
#include "pg/types/datetime.hpp"
#include "pg/types/enumeration.hpp"

namespace copying {

enum class Mood { sad, ok };
struct Country {
    std::string code;
    std::optional<std::int32_t> area;
};
struct Numbers {
    std::int32_t a;
    std::int64_t b;
};

}  // namespace copying

template <>
struct pg::Codec<copying::Mood> : pg::EnumCodec<copying::Mood> {
    static constexpr TypeId type{{}, {}, "mood"};
};

namespace copying {

using namespace std::string_literals;
using namespace std::chrono_literals;
using fake::Lines;
using fake::server_error;

inline const std::string header = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0"s;
inline const std::string trailer = "\377\377"s;
inline const std::string two_rows = "\0\2\0\0\0\2at\0\0\0\4\0\1\x48\x4f"s + "\0\2\0\0\0\2xx\377\377\377\377"s;

inline pg::TypeInfo type(std::uint32_t oid, std::string name, pg::TypeKind kind) {
    pg::TypeInfo info;
    info.oid = pg::Oid{oid};
    info.schema = "public";
    info.name = std::move(name);
    info.kind = kind;
    return info;
}

class Copy : public testing::Test {
protected:
    void describe(std::vector<fake::Column> columns) {
        server.copy_columns = columns.size();
        server.descriptions.push_back(std::move(columns));
    }
    pg::Error refusal(std::string_view target) {
        auto copy = pg::CopyIn<Country>::try_open(db.client, target);
        if (copy) {
            ADD_FAILURE() << "the COPY began";
            return server_error("00000");
        }
        return copy.error();
    }
    /// True when the session is back: nothing else can use the only one there is.
    bool is_free() { return db.client.with({.timeout = 1ns}).try_exec("select 1").has_value(); }

    fake::Database db{1};
    fake::Server& server = *db.server;
};

}  // namespace copying

// Types of the server's own bookkeeping: transactions, rows, log positions, snapshots; money; and nothing at all.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pg/expected.hpp"
#include "pg/types/own_type.hpp"

namespace pg {

/// A transaction, in 32 bits that wrap: xid. Value. Has no order: after 2 billion others it counts as later.
struct Xid {
    std::uint32_t value = 0;  ///< its number; 0 to 2 are reserved

    PGCLIENT_API static Expected<Xid> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend constexpr bool operator==(const Xid&, const Xid&) = default;
};

/// A command within its transaction: cid. Value.
struct Cid {
    std::uint32_t value = 0;  ///< its number, from 0

    PGCLIENT_API static Expected<Cid> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend constexpr auto operator<=>(const Cid&, const Cid&) = default;
};

/// A transaction, in 64 bits that never wrap: xid8. Value.
struct Xid8 {
    std::uint64_t value = 0;  ///< the epoch in the upper half, the xid in the lower one

    PGCLIENT_API static Expected<Xid8> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend constexpr auto operator<=>(const Xid8&, const Xid8&) = default;
};

/// Where a row version is in its table: tid, the type of `ctid`. Value.
struct Tid {
    std::uint32_t block = 0;   ///< the page, from 0
    std::uint16_t offset = 0;  ///< the place on the page, from 1

    /// From and to `(block,offset)`.
    PGCLIENT_API static Expected<Tid> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend constexpr auto operator<=>(const Tid&, const Tid&) = default;
};

/// A position in the write-ahead log: pg_lsn. Value.
struct Lsn {
    std::uint64_t position = 0;  ///< in bytes from the beginning of the log

    /// From and to `16/B374D848`.
    PGCLIENT_API static Expected<Lsn> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend constexpr auto operator<=>(const Lsn&, const Lsn&) = default;
};

/// An amount of money, in the smallest unit of the currency that the server's `lc_monetary` names. Value.
/// How many of them make one of the currency only that setting tells, so nothing converts it, and it has no text form:
/// its text is that of a locale. Read it in binary, or cast it to numeric in the statement.
struct Money {
    std::int64_t units = 0;  ///< such as cents

    friend constexpr auto operator<=>(const Money&, const Money&) = default;
};

/// Which transactions a statement sees: pg_snapshot, and txid_snapshot. Value.
struct Snapshot {
    std::uint64_t xmin = 0;                  ///< all before it have ended
    std::uint64_t xmax = 0;                  ///< it and all after it had not begun
    std::vector<std::uint64_t> in_progress;  ///< those between that had not ended, ascending

    /// From and to `xmin:xmax:xip,xip`.
    PGCLIENT_API static Expected<Snapshot> parse(std::string_view text);
    [[nodiscard]] PGCLIENT_API std::string to_string() const;
    friend bool operator==(const Snapshot&, const Snapshot&) = default;
};

/// What a function that returns void gives. Value. A result only.
struct None {
    friend constexpr bool operator==(const None&, const None&) = default;
};

template <>
struct Codec<Xid> : detail::OwnType<Xid> {
    static constexpr TypeId type{Oid{28}, Oid{1011}, "xid"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Xid& out);
    PGCLIENT_API static Fault encode(Writer& out, const Xid& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Xid& value);
};
template <>
struct Codec<Cid> : detail::OwnType<Cid> {
    static constexpr TypeId type{Oid{29}, Oid{1012}, "cid"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Cid& out);
    PGCLIENT_API static Fault encode(Writer& out, const Cid& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Cid& value);
};
template <>
struct Codec<Xid8> : detail::OwnType<Xid8> {
    static constexpr TypeId type{Oid{5069}, Oid{271}, "xid8"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Xid8& out);
    PGCLIENT_API static Fault encode(Writer& out, const Xid8& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Xid8& value);
};
template <>
struct Codec<Tid> : detail::OwnType<Tid> {
    static constexpr TypeId type{Oid{27}, Oid{1010}, "tid"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Tid& out);
    PGCLIENT_API static Fault encode(Writer& out, const Tid& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Tid& value);
};
template <>
struct Codec<Lsn> : detail::OwnType<Lsn> {
    static constexpr TypeId type{Oid{3220}, Oid{3221}, "pg_lsn"};
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Lsn& out);
    PGCLIENT_API static Fault encode(Writer& out, const Lsn& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Lsn& value);
};
/// In binary only.
template <>
struct Codec<Money> {
    static constexpr TypeId type{Oid{790}, Oid{791}, "money"};
    static constexpr Format argument = Format::binary;

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Money& out);
    PGCLIENT_API static Fault encode(Writer& out, const Money& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Money& value);
};
template <>
struct Codec<Snapshot> {
    static constexpr TypeId type{Oid{5038}, Oid{5039}, "pg_snapshot"};
    static constexpr Format argument = Format::binary;

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, Snapshot& out);
    PGCLIENT_API static Fault encode(Writer& out, const Snapshot& value);
    PGCLIENT_API static Fault encode_text(Writer& out, const Snapshot& value);
};
template <>
struct Codec<None> {
    static constexpr TypeId type{Oid{2278}, Oid{}, "void"};

    PGCLIENT_API static bool accepts(const WireType& wire);
    PGCLIENT_API static Fault decode(const Cell& cell, const WireType& wire, None& out);
};

}  // namespace pg

// Reply: what a fake server says, as bytes that can be sent whole or in pieces.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pg/error.hpp"

namespace pg::testing {

/// A column as a server describes it. Value.
struct FakeColumn {
    std::string name = {};         ///< as the client sees it
    Oid type{25};                  ///< text, unless another is given
    Format format = Format::text;  ///< of the values that follow
};

/// The values of a row, or the arguments of a statement; nothing for NULL.
using FakeValues = std::vector<std::optional<std::string>>;

/// The transaction that a ReadyForQuery tells of.
enum class FakeTransaction : char { idle = 'I', open = 'T', failed = 'E' };

/// Messages of a server, one behind the other. Value. One thread at a time.
///
///     Reply().columns({{"id", pg::Oid{23}}}).row({"7"}).tag("SELECT 1").ready()
///
/// Nothing is checked against the protocol's order: a server that misbehaves is what it is for.
class PGCLIENT_API Reply final {
public:
    /// What begins a session: the request for credentials (0 lets the client in, 3 asks for a password in clear text),
    /// settings, and what a cancel request has to name. @{
    Reply& authentication(std::int32_t request, std::string_view data = {});
    Reply& parameter(std::string_view name, std::string_view value);
    Reply& backend_key(std::int32_t process, std::string_view key);  /// @}

    /// ReadyForQuery.
    Reply& ready(FakeTransaction transaction = FakeTransaction::idle);

    /// The steps of the extended protocol. @{
    Reply& parse_complete();
    Reply& bind_complete();
    Reply& close_complete();
    Reply& no_data();
    Reply& portal_suspended();
    Reply& parameters(const std::vector<Oid>& types);  /// @}

    /// The result of a statement: its columns, rows of values in the columns' format, and the tag that ends it. @{
    Reply& columns(const std::vector<FakeColumn>& columns);
    Reply& row(const FakeValues& values);
    Reply& tag(std::string_view tag);
    Reply& empty_query();  /// @}

    /// A report with those fields that are not empty: without an SQLSTATE there is none. The severity of an error is
    /// ERROR and that of a notice NOTICE, unless another is given. @{
    Reply& error(const ErrorFields& fields);
    Reply& error(SqlState sqlstate, std::string_view message);
    Reply& notice(const ErrorFields& fields);
    Reply& notice(std::string_view message);  /// @}

    /// What NOTIFY gives.
    Reply& notification(std::int32_t process, std::string_view channel, std::string_view payload = {});

    /// COPY: its beginning in either direction, its data, and the end of COPY … TO STDOUT. @{
    Reply& copy_in(std::size_t columns, Format format = Format::text);
    Reply& copy_out(std::size_t columns, Format format = Format::text);
    Reply& copy_data(std::string_view bytes);
    Reply& copy_done();  /// @}

    /// A message of any kind, its length counted.
    Reply& message(char type, std::string_view body = {});
    /// Bytes as they are.
    Reply& raw(std::string_view bytes);

    /// All messages so far, as they are sent. @{
    [[nodiscard]] const std::string& bytes() const& noexcept { return bytes_; }
    [[nodiscard]] std::string bytes() && noexcept { return std::move(bytes_); }
    /// @}

private:
    std::string bytes_;
};

}  // namespace pg::testing

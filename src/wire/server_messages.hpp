// What a server says: the bodies of its messages, read and, for those who play one, written.
#pragma once

#include <array>
#include <optional>
#include <span>

#include "src/wire/frame.hpp"

namespace pg::wire {

/// The transaction that a ReadyForQuery tells of.
enum class TransactionState : char { idle = 'I', open = 'T', failed = 'E' };

/// ReadyForQuery; nothing when it is malformed.
[[nodiscard]] PGCLIENT_API std::optional<TransactionState> read_ready(std::string_view body) noexcept;

/// BackendKeyData. The key has four bytes in protocol 3.0 and up to 256 in 3.2.
struct BackendKey {
    std::int32_t process = 0;
    std::string_view key;
};
[[nodiscard]] PGCLIENT_API std::optional<BackendKey> read_backend_key(std::string_view body) noexcept;

/// ParameterStatus.
struct ParameterStatus {
    std::string_view name, value;
};
[[nodiscard]] PGCLIENT_API std::optional<ParameterStatus> read_parameter_status(std::string_view body) noexcept;

/// NotificationResponse.
struct NotificationMessage {
    std::int32_t process = 0;
    std::string_view channel, payload;
};
[[nodiscard]] PGCLIENT_API std::optional<NotificationMessage> read_notification(std::string_view body) noexcept;

/// NegotiateProtocolVersion: the newest minor version that the server speaks, and the options that it does not know.
struct VersionOffer {
    std::int32_t version = 0;
    std::int32_t unknown_options = 0;
};
[[nodiscard]] PGCLIENT_API std::optional<VersionOffer> read_version_offer(std::string_view body) noexcept;

/// ErrorResponse or NoticeResponse: its fields by their letter. A report may lack any of them, the SQLSTATE too.
/// https://www.postgresql.org/docs/current/protocol-error-fields.html
class PGCLIENT_API Report {
public:
    /// Nothing when the body is malformed. Views of the body.
    [[nodiscard]] static std::optional<Report> read(std::string_view body) noexcept;

    /// The text of a field; empty when there is none.
    [[nodiscard]] std::string_view field(char letter) const noexcept {
        const auto index = static_cast<unsigned char>(letter) - static_cast<unsigned char>('A');
        return index >= 0 && static_cast<std::size_t>(index) < fields_.size() ? fields_[static_cast<std::size_t>(index)]
                                                                              : std::string_view();
    }

private:
    std::array<std::string_view, 'z' - 'A' + 1> fields_{};
};

/// One column of a RowDescription.
struct FieldDescription {
    std::string_view name;
    std::uint32_t table = 0;
    std::int16_t attribute = 0;
    std::uint32_t type = 0;
    std::int16_t type_size = 0;
    std::int32_t modifier = -1;
    std::int16_t format = 0;
};

/// Walks through a RowDescription.
class PGCLIENT_API RowDescription {
public:
    explicit RowDescription(std::string_view body) noexcept : at_(body), count_(at_.take<std::uint16_t>()) {}
    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    /// The next column, `count()` times. What is malformed shows in `done`.
    [[nodiscard]] FieldDescription next() noexcept;
    /// All was well formed, and nothing is left.
    [[nodiscard]] bool done() const noexcept { return at_.done(); }

private:
    Cursor at_;
    std::size_t count_;
};

/// ParameterDescription: the oids in network order; nothing when it is malformed.
[[nodiscard]] PGCLIENT_API std::optional<std::string_view> read_parameter_description(std::string_view body) noexcept;

/// CopyInResponse, CopyOutResponse and CopyBothResponse.
struct CopyFormat {
    bool binary = false;
    std::size_t columns = 0;
};
[[nodiscard]] PGCLIENT_API std::optional<CopyFormat> read_copy_format(std::string_view body) noexcept;

/// CommandComplete: the tag; nothing when it is malformed.
[[nodiscard]] PGCLIENT_API std::optional<std::string_view> read_tag(std::string_view body) noexcept;
/// The rows that a tag counts: the last word, when it is a number; zero otherwise.
[[nodiscard]] PGCLIENT_API std::uint64_t rows_of_tag(std::string_view tag) noexcept;

/// True when a DataRow has exactly `columns` values whose lengths fit its body.
[[nodiscard]] PGCLIENT_API bool is_well_formed_row(std::string_view body, std::size_t columns) noexcept;

/// Authentication requests, by their code.
enum class AuthRequest : std::int32_t {
    ok = 0,
    cleartext_password = 3,
    md5_password = 5,
    gss = 7,
    gss_continue = 8,
    sspi = 9,
    sasl = 10,
    sasl_continue = 11,
    sasl_final = 12,
};

// Writing, for those who play a server. Texts have no zero bytes, and counts fit their fields.

PGCLIENT_API void put_empty(SendBuffer& out,
                            ServerType type);  ///< one without a body: ParseComplete, NoData, CopyDone…
PGCLIENT_API void put_authentication(SendBuffer& out, AuthRequest request, std::string_view data = {});
PGCLIENT_API void put_ready(SendBuffer& out, TransactionState state);
PGCLIENT_API void put_backend_key(SendBuffer& out, const BackendKey& key);
PGCLIENT_API void put_parameter_status(SendBuffer& out, const ParameterStatus& parameter);
PGCLIENT_API void put_notification(SendBuffer& out, const NotificationMessage& notification);
PGCLIENT_API void put_version_offer(SendBuffer& out, std::int32_t version,
                                    std::span<const std::string_view> unknown_options);
/// A field of a report.
struct ReportField {
    char letter;
    std::string_view text;
};
PGCLIENT_API void put_report(SendBuffer& out, ServerType type, std::span<const ReportField> fields);
PGCLIENT_API void put_row_description(SendBuffer& out, std::span<const FieldDescription> columns);
PGCLIENT_API void put_parameter_description(SendBuffer& out, std::span<const std::uint32_t> types);
/// Values; nothing is NULL.
PGCLIENT_API void put_data_row(SendBuffer& out, std::span<const std::optional<std::string_view>> values);
PGCLIENT_API void put_tag(SendBuffer& out, std::string_view tag);
PGCLIENT_API void put_copy_format(SendBuffer& out, ServerType type, const CopyFormat& format);
PGCLIENT_API void put_copy_data(SendBuffer& out, std::string_view bytes);

}  // namespace pg::wire

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
[[nodiscard]] inline std::optional<TransactionState> read_ready(std::string_view body) noexcept {
    if (body.size() != 1) return std::nullopt;
    const auto state = static_cast<TransactionState>(body.front());
    if (state != TransactionState::idle && state != TransactionState::open && state != TransactionState::failed)
        return std::nullopt;
    return state;
}

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
[[nodiscard]] inline std::optional<std::string_view> read_tag(std::string_view body) noexcept {
    if (body.empty() || body.find('\0') != body.size() - 1) return std::nullopt;
    return body.substr(0, body.size() - 1);
}
/// The rows that a tag counts: the last word, when it is a number; zero otherwise.
[[nodiscard]] PGCLIENT_API std::uint64_t rows_of_tag(std::string_view tag) noexcept;

/// A value of a DataRow; no bytes for NULL.
struct RowValue {
    const char* data = nullptr;
    std::int32_t length = -1;  ///< -1 for NULL
};

/// The length of a NULL.
inline constexpr std::uint32_t null_length = ~std::uint32_t{0};

/// Walks through the values of a DataRow of which nothing is known but its bytes. What does not fit is NULL.
class RowValues {
public:
    /// The row is meant to have so many values.
    RowValues(std::string_view body, std::size_t columns) noexcept : columns_(columns) {
        const std::size_t headers = sizeof(std::uint16_t) + columns * sizeof(std::uint32_t);
        if (body.size() < headers || load<std::uint16_t>(body.data()) != columns) [[unlikely]]
            return;
        first_ = body.data() + sizeof(std::uint16_t);
        size_ = body.size() - headers;
        rewind();
    }

    /// The column whose value `take` gives; behind the last one it gives nothing. @{
    [[nodiscard]] std::size_t next() const noexcept { return next_; }
    void go_to(std::size_t column) noexcept {
        if (column < next_) rewind();
        while (next_ < column) static_cast<void>(take());
    }  /// @}
    [[nodiscard]] RowValue take() noexcept {
        ++next_;
        const auto length = load<std::uint32_t>(at_);
        // What is left is that of the values alone: the lengths of all of them fit.
        if (length > left_) [[unlikely]]
            return take_none(length);
        const char* const value = at_ + sizeof length;
        left_ -= length;
        at_ = value + length;
        return {value, static_cast<std::int32_t>(length)};
    }
    /// All of them were passed and fit, and nothing is behind them.
    [[nodiscard]] bool are_whole() const noexcept { return fit() && left_ == 0 && next_ == columns_; }

private:
    [[nodiscard]] bool fit() const noexcept { return at_ != nowhere; }
    [[nodiscard]] RowValue take_none(std::uint32_t length) noexcept {
        if (length != null_length)
            at_ = nowhere;
        else if (fit())
            at_ += sizeof length;
        return {};
    }
    void rewind() noexcept {
        if (fit() || next_ == 0) {
            at_ = first_;
            left_ = size_;
        }
        next_ = 0;
    }

    /// Where nothing is: whoever reads a length here finds that of a NULL.
    static constexpr char nowhere[] = {'\xff', '\xff', '\xff', '\xff'};

    const char* first_ = nowhere;
    const char* at_ = nowhere;
    std::size_t size_ = 0;  ///< bytes of all values
    std::size_t left_ = 0;  ///< of those that come
    std::size_t next_ = 0;
    std::size_t columns_;
};

/// True when a DataRow has exactly `columns` values whose lengths fit its body.
[[nodiscard]] inline bool is_well_formed_row(std::string_view body, std::size_t columns) noexcept {
    const std::size_t headers = sizeof(std::uint16_t) + columns * sizeof(std::uint32_t);
    if (body.size() < headers || load<std::uint16_t>(body.data()) != columns) return false;
    const char* at = body.data() + sizeof(std::uint16_t);
    std::size_t left = body.size() - headers;  // bytes of the values that come
    for (; columns != 0; --columns) {
        const auto length = load<std::uint32_t>(at);
        at += sizeof length;
        if (length > left) {
            if (length != null_length) return false;
            continue;
        }
        at += length;
        left -= length;
    }
    return left == 0;
}

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

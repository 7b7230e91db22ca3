// Rows out of a binary COPY: header, rows and trailer, every length checked against the bytes that are there.
#include "src/core/copy_target.hpp"
#include "src/core/hooked.hpp"

namespace pg::detail {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view signature = "PGCOPY\n\377\r\n\0"sv;
constexpr std::uint32_t critical_flags = 0xffff0000;
constexpr std::int16_t trailer = -1;

}  // namespace

struct CopySource::Impl {
    CopySessionPtr session;  // null after the end, and behind an error
    std::unique_ptr<CopyRow> row;
    std::string sql;
    Extra extra = Extra::refuse;
    std::string_view rest{};  // of the piece that was read last
    std::size_t rows = 0;
    bool header_seen = false;
    bool trailer_seen = false;
    bool is_at_end = false;

    [[nodiscard]] Expected<bool> next() {
        for (;;) {
            if (is_at_end) return false;
            if (!session) return copy_ended();
            if (!rest.empty() && !session->has_ended()) {  // as its transaction has; that has what `rest` is a view of
                Expected<bool> taken = trailer_seen ? Expected<bool>(broken("bytes after its end")) : take();
                if (!taken) return ended_by(std::move(taken).error());
                if (*taken) return taken;
                continue;
            }
            auto piece = session->read();
            if (piece && *piece) {
                rest = **piece;
                continue;
            }
            if (piece && !trailer_seen) return ended_by(broken("no end"));
            session.reset();
            if (!piece) return std::move(piece).error();
            is_at_end = true;
        }
    }
    /// It has ended with that error, which it gives back.
    [[nodiscard]] Error ended_by(Error error) { return std::exchange(session, nullptr)->ended_by(std::move(error)); }

private:
    [[nodiscard]] Error broken(const std::string& problem) const {
        ErrorFields fields{.kind = ErrorKind::protocol, .outcome = Outcome::applied};
        fields.message = "the binary COPY has " + problem + " after " + std::to_string(rows) + " rows";
        fields.sql = sql;
        return Error(std::move(fields));
    }

    /// A table gives all its columns to a query, but no generated one to a COPY.
    [[nodiscard]] Error wrong_count(std::size_t columns) const {
        ErrorFields fields{.kind = ErrorKind::shape, .outcome = Outcome::applied};
        fields.message = "the COPY gives " + std::to_string(columns) + " columns, the row type has " +
                         std::to_string(row->cells.size()) + "; list the columns in the target";
        fields.sql = sql;
        return Error(std::move(fields));
    }

    template <class T>
    [[nodiscard]] bool take(T& value) {
        if (rest.size() < sizeof(T)) return false;
        value = load_big_endian<T>(rest.data());
        rest.remove_prefix(sizeof(T));
        return true;
    }

    /// Takes the header, a row or the trailer; true for a row.
    [[nodiscard]] Expected<bool> take() {
        if (!header_seen) return take_header();
        std::int16_t count = 0;
        if (!take(count)) return broken("half a row");
        if (count == trailer) {
            trailer_seen = true;
            return false;
        }
        const auto columns = static_cast<std::size_t>(count);
        if (count > 0 && columns < row->cells.size() && rows == 0) return wrong_count(columns);
        if (count < 0 || columns != row->cells.size())
            return broken("a row of " + std::to_string(count) + " columns instead of " +
                          std::to_string(row->cells.size()));
        for (Cell& cell : row->cells) {
            if (!take(cell.length) || cell.length < -1) return broken("half a row");
            if (cell.is_null()) continue;
            if (cell.size() > rest.size()) return broken("half a row");
            cell.data = rest.data();
            rest.remove_prefix(cell.size());
        }
        ++rows;
        return true;
    }

    [[nodiscard]] Expected<bool> take_header() {
        std::uint32_t flags = 0;
        std::uint32_t extension = 0;
        if (!rest.starts_with(signature)) return broken("no signature");
        rest.remove_prefix(signature.size());
        if (!take(flags) || !take(extension) || extension > rest.size()) return broken("half a header");
        if ((flags & critical_flags) != 0) return broken("flags that are not known here");
        rest.remove_prefix(extension);
        header_seen = true;
        return false;
    }
};

Expected<std::unique_ptr<CopySource>> CopySource::open(Executor& executor, std::string_view target,
                                                       std::span<const Target> targets, const CallSite& site) {
    const auto parsed = CopyTarget::parse(target, targets);
    std::string sql = "copy " + (parsed ? parsed->text() : std::string(target)) + " to stdout (format binary)";
    const QueryOptions* const options = ExecutorAccess::options(executor);
    Opening opening(ExecutorAccess::hooks(executor), spi::RequestKind::copy_out, sql, label_of(options));
    if (!parsed) return opening.failed(parsed.error());
    auto session = borrow_for_copy(executor, nullptr, site, opening);
    if (!session) return std::move(session).error();
    if (auto admitted = (*session)->admit(spi::RequestKind::copy_out, sql); !admitted)
        return std::move(admitted).error();
    auto described = describe(**session, *parsed);
    if (!described) return (*session)->ended_by(std::move(described).error());

    auto impl = std::make_unique<Impl>();
    impl->session = *std::move(session);
    impl->row = *std::move(described);
    impl->sql = std::move(sql);
    if (options) impl->extra = options->extra;
    return std::unique_ptr<CopySource>(new CopySource(std::move(impl)));
}

CopySource::CopySource(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CopySource::~CopySource() = default;

const ResultStorage& CopySource::row() const { return *impl_->row; }
std::size_t CopySource::number() const { return impl_->rows - 1; }
Extra CopySource::extra() const { return impl_->extra; }

Error CopySource::refuse(const Error& error) {
    ErrorFields fields = error.fields();
    fields.outcome = Outcome::not_sent;
    fields.sql = impl_->sql;
    return impl_->ended_by(Error(std::move(fields)));
}
Expected<void> CopySource::begin() { return impl_->session->begin_out(impl_->sql); }
Expected<bool> CopySource::next() { return impl_->next(); }

}  // namespace pg::detail

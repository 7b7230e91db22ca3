// What a source knows of a borrower: the place and the last statement.
#include "pg/spi/holder.hpp"

namespace pg::spi {

CallSite Holder::site() const noexcept {
    const std::uint32_t line = line_.load(std::memory_order_acquire);
    if (line == 0) return {};
    return {file_.load(std::memory_order_relaxed), line};
}

std::string Holder::statement() const {
    if (!statement_) return {};
    const std::lock_guard lock(statement_->mutex);
    return statement_->text;
}

void Holder::note(std::string_view sql) noexcept {
    std::size_t end = sql.size();
    if (end > longest_text) {
        end = longest_text;
        while (end != 0 && (static_cast<unsigned char>(sql[end]) & 0xC0U) == 0x80U) --end;  // not inside of a character
    }
    const std::lock_guard lock(statement_->mutex);
    statement_->text.assign(sql.data(), end);
}

}  // namespace pg::spi

// Switching stacks: by hand on x86-64, by ucontext elsewhere.
#include "src/fibers/context_switch.hpp"

#include <cstdint>
#include <cstring>
#include <cxxabi.h>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace pg::fibers {
namespace {

/// What the C++ runtime keeps for a thread: the exceptions that are being handled, and how many are under way.
struct Exceptions {
    void* caught = nullptr;
    unsigned int uncaught = 0;
};

}  // namespace

#if defined(__x86_64__)

// The registers that a call keeps (System V ABI, AMD64, 3.2.1), with the control words of SSE and x87, are pushed; the
// stack pointer is the rest of the context. A fresh context "returns" into the second function, whose registers
// make_context has prepared: nothing is above it, so unwinding and backtraces end there.
asm(R"(
.text
.p2align 4
.type pgclient_switch_stacks, @function
pgclient_switch_stacks:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    subq $8, %rsp
    stmxcsr (%rsp)
    fnstcw 4(%rsp)
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    ldmxcsr (%rsp)
    fldcw 4(%rsp)
    addq $8, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size pgclient_switch_stacks, .-pgclient_switch_stacks

.p2align 4
.type pgclient_enter_stack, @function
pgclient_enter_stack:
    .cfi_startproc
    .cfi_undefined rip
    movq %r12, %rdi
    callq *%r13
    ud2
    .cfi_endproc
.size pgclient_enter_stack, .-pgclient_enter_stack
)");

extern "C" {
void pgclient_switch_stacks(void** from, void* to) noexcept;
void pgclient_enter_stack() noexcept;
}

namespace {

void switch_stacks(StackPointer& from, StackPointer to) noexcept { pgclient_switch_stacks(&from, to); }

}  // namespace

StackPointer make_context(void* bottom, std::size_t size, void (*entry)(void*), void* argument) noexcept {
    // As the function above pops them: control words, r15, r14, r13, r12, rbx, rbp, and where it returns to.
    enum Place : std::size_t { control, r15, r14, r13, r12, rbx, rbp, back, places };
    constexpr std::uint64_t mxcsr = 0x1f80, x87_control = 0x037f;  // as a program starts with
    char* const end = static_cast<char*>(bottom) + size;
    auto* frame = reinterpret_cast<std::uint64_t*>(end - reinterpret_cast<std::uintptr_t>(end) % 16) - places;
    std::memset(frame, 0, places * sizeof *frame);
    frame[control] = mxcsr | x87_control << 32;
    frame[r13] = reinterpret_cast<std::uint64_t>(entry);
    frame[r12] = reinterpret_cast<std::uint64_t>(argument);
    frame[back] = reinterpret_cast<std::uint64_t>(&pgclient_enter_stack);
    return frame;
}

#else

namespace {

// The context lies at the bottom of its stack; that of a thread on the stack that is being left.
void switch_stacks(StackPointer& from, StackPointer to) noexcept {
    ucontext_t here;
    from = &here;
    ::swapcontext(&here, static_cast<ucontext_t*>(to));
}

struct Start {
    ucontext_t context;
    void (*entry)(void*);
    void* argument;
};

void enter(unsigned int high, unsigned int low) {
    const auto* start =
        reinterpret_cast<const Start*>(static_cast<std::uintptr_t>(high) << 32 | static_cast<std::uintptr_t>(low));
    start->entry(start->argument);
}

}  // namespace

StackPointer make_context(void* bottom, std::size_t size, void (*entry)(void*), void* argument) noexcept {
    auto* start = static_cast<Start*>(bottom);
    start->entry = entry;
    start->argument = argument;
    ::getcontext(&start->context);
    start->context.uc_stack.ss_sp = start + 1;
    start->context.uc_stack.ss_size = size - sizeof *start;
    start->context.uc_link = nullptr;
    const auto address = static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(start));
    ::makecontext(&start->context, reinterpret_cast<void (*)()>(&enter), 2, static_cast<unsigned int>(address >> 32),
                  static_cast<unsigned int>(address));
    return &start->context;
}

#endif

namespace {

/// Where the exceptions of this thread are. It is declared to be the same throughout a function, and behind a switch
/// the thread may be another one.
[[gnu::noinline]] void* exceptions_of_thread() noexcept {
    asm volatile("");
    return __cxxabiv1::__cxa_get_globals();
}

}  // namespace

void switch_context(StackPointer& from, StackPointer to) noexcept {
    static_assert(sizeof(Exceptions) == 16);
    void* const left = exceptions_of_thread();
    Exceptions mine;
    std::memcpy(&mine, left, sizeof mine);
    std::memset(left, 0, sizeof mine);  // a fresh stack has none; any other puts back its own
    switch_stacks(from, to);
    std::memcpy(exceptions_of_thread(), &mine, sizeof mine);
}

}  // namespace pg::fibers

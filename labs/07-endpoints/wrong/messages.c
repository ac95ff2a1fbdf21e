/* SPDX-License-Identifier: MIT */
/*
 * wrong/messages.c: mistakes in what arrives, and in sending to who waits.
 */

/*
 * words-counted: only as many words cross as the tag counts; the others are
 * what the receiver had there.
 * File: kernel/ipc/message.h
 * Caught by: words, send
 */
static inline void message_deliver_words(const struct thread *from,
                                         struct thread *to,
                                         enum message_kind kind,
                                         uint64_t badge) {
    static const uint8_t places[] = {REG_A2, REG_A3, REG_A4, REG_A5,
                                     REG_A6, REG_T0, REG_T1, REG_T2};
    const uint64_t *sent = from->frame.x;
    uint64_t *x = to->frame.x;
    x[REG_A0] = 0;
    x[REG_A1] = sent[REG_A1] | (uint64_t)kind << TAG_KIND_SHIFT;
    for (unsigned i = 0; i < tag_words(sent[REG_A1]); i++)
        x[places[i]] = sent[places[i]];
    x[REG_A7] = badge;
    x[REG_T3] = x[REG_T4] = x[REG_T5] = x[REG_T6] = 0;
}

/*
 * words-leak: registers that carry nothing keep what they had.
 * File: kernel/ipc/message.h
 * Caught by: words, reply
 */
static inline void message_deliver_words(const struct thread *from,
                                         struct thread *to,
                                         enum message_kind kind,
                                         uint64_t badge) {
    const uint64_t *sent = from->frame.x;
    uint64_t *x = to->frame.x;
    x[REG_A0] = 0;
    x[REG_A1] = sent[REG_A1] | (uint64_t)kind << TAG_KIND_SHIFT;
    x[REG_A2] = sent[REG_A2];
    x[REG_A3] = sent[REG_A3];
    x[REG_A4] = sent[REG_A4];
    x[REG_A5] = sent[REG_A5];
    x[REG_A6] = sent[REG_A6];
    x[REG_A7] = badge;
    x[REG_T0] = sent[REG_T0];
    x[REG_T1] = sent[REG_T1];
    x[REG_T2] = sent[REG_T2];
}

/*
 * words-kind: the kind is not written: the receiver owes replies to sends.
 * File: kernel/ipc/message.h
 * Caught by: words, send, receive
 */
static inline void message_deliver_words(const struct thread *from,
                                         struct thread *to,
                                         enum message_kind kind,
                                         uint64_t badge) {
    (void)kind;
    const uint64_t *sent = from->frame.x;
    uint64_t *x = to->frame.x;
    x[REG_A0] = 0;
    x[REG_A1] = sent[REG_A1];
    x[REG_A2] = sent[REG_A2];
    x[REG_A3] = sent[REG_A3];
    x[REG_A4] = sent[REG_A4];
    x[REG_A5] = sent[REG_A5];
    x[REG_A6] = sent[REG_A6];
    x[REG_A7] = badge;
    x[REG_T0] = sent[REG_T0];
    x[REG_T1] = sent[REG_T1];
    x[REG_T2] = sent[REG_T2];
    x[REG_T3] = 0;
    x[REG_T4] = 0;
    x[REG_T5] = 0;
    x[REG_T6] = 0;
}

/*
 * words-badge: the badge is what the sender has in a7, which it may choose.
 * File: kernel/ipc/message.h
 * Caught by: words, messages
 */
static inline void message_deliver_words(const struct thread *from,
                                         struct thread *to,
                                         enum message_kind kind,
                                         uint64_t badge) {
    (void)badge;
    const uint64_t *sent = from->frame.x;
    uint64_t *x = to->frame.x;
    x[REG_A0] = 0;
    x[REG_A1] = sent[REG_A1] | (uint64_t)kind << TAG_KIND_SHIFT;
    x[REG_A2] = sent[REG_A2];
    x[REG_A3] = sent[REG_A3];
    x[REG_A4] = sent[REG_A4];
    x[REG_A5] = sent[REG_A5];
    x[REG_A6] = sent[REG_A6];
    x[REG_A7] = sent[REG_A7];
    x[REG_T0] = sent[REG_T0];
    x[REG_T1] = sent[REG_T1];
    x[REG_T2] = sent[REG_T2];
    x[REG_T3] = 0;
    x[REG_T4] = 0;
    x[REG_T5] = 0;
    x[REG_T6] = 0;
}

/*
 * send-unlinked-first: the receiver leaves the queue before it is known
 * whether the message fits: after one that does not, it waits for ever.
 * File: kernel/ipc/call.c
 * Caught by: send_refused
 */
static inline __attribute__((always_inline)) int64_t
send_now(struct thread *self, struct endpoint *endpoint,
         struct session *session, struct thread *receiver, bool call)
    REQUIRES(endpoint->lock) {
    receiver_remove(endpoint, receiver);
    int error =
        message_deliver(self, receiver, &receiver->accept_receive,
                        call ? MESSAGE_CALL : MESSAGE_SEND, session->badge);
    if (error)
        return error;
    if (!call) {
        thread_wake(receiver);
        return 0;
    }
    note_session(self, endpoint, session);
    { call_list(endpoint, self); }
    call_begin(self, receiver);
    thread_wake_handoff(receiver);
    thread_wait(self, THREAD_CALLING, reply_deadline(self));
    return RESULT_WAITING;
}

/*
 * send-still-queued: the receiver is woken and stays where it waited: the next
 * sender finds it again, while it runs.
 * File: kernel/ipc/call.c
 * Caught by: send
 */
static inline __attribute__((always_inline)) int64_t
send_now(struct thread *self, struct endpoint *endpoint,
         struct session *session, struct thread *receiver, bool call)
    REQUIRES(endpoint->lock) {
    int error =
        message_deliver(self, receiver, &receiver->accept_receive,
                        call ? MESSAGE_CALL : MESSAGE_SEND, session->badge);
    if (error)
        return error;
    if (!call) {
        thread_wake(receiver);
        return 0;
    }
    note_session(self, endpoint, session);
    if (!can_be_quick(self, endpoint, receiver)) {
        receiver_remove(endpoint, receiver);
        call_list(endpoint, self);
    }
    call_begin(self, receiver);
    thread_wake_handoff(receiver);
    thread_wait(self, THREAD_CALLING, reply_deadline(self));
    return RESULT_WAITING;
}

/*
 * call-always-quick: a call with a deadline is in no list: whoever ends calls
 * does not find it.
 * File: kernel/ipc/call.c
 * Caught by: call_deadline
 */
static inline __attribute__((always_inline)) int64_t
send_now(struct thread *self, struct endpoint *endpoint,
         struct session *session, struct thread *receiver, bool call)
    REQUIRES(endpoint->lock) {
    int error =
        message_deliver(self, receiver, &receiver->accept_receive,
                        call ? MESSAGE_CALL : MESSAGE_SEND, session->badge);
    if (error)
        return error;
    if (!call) {
        receiver_remove(endpoint, receiver);
        thread_wake(receiver);
        return 0;
    }
    note_session(self, endpoint, session);
    if (!can_be_quick(self, endpoint, receiver)) {
        if (endpoint->quick != receiver) {
            receiver_remove(endpoint, receiver);
            call_list(endpoint, self);
        }
    }
    call_begin(self, receiver);
    thread_wake_handoff(receiver);
    thread_wait(self, THREAD_CALLING, reply_deadline(self));
    return RESULT_WAITING;
}

/*
 * call-half-linked: the caller notes its server, and the server not its
 * caller: no reply is owed.
 * File: kernel/ipc/call.c
 * Caught by: call, call_listed
 */
static inline __attribute__((always_inline)) int64_t
send_now(struct thread *self, struct endpoint *endpoint,
         struct session *session, struct thread *receiver, bool call)
    REQUIRES(endpoint->lock) {
    int error =
        message_deliver(self, receiver, &receiver->accept_receive,
                        call ? MESSAGE_CALL : MESSAGE_SEND, session->badge);
    if (error)
        return error;
    if (!call) {
        receiver_remove(endpoint, receiver);
        thread_wake(receiver);
        return 0;
    }
    note_session(self, endpoint, session);
    if (!can_be_quick(self, endpoint, receiver)) {
        receiver_remove(endpoint, receiver);
        call_list(endpoint, self);
    }
    self->server = receiver;
    thread_wake_handoff(receiver);
    thread_wait(self, THREAD_CALLING, reply_deadline(self));
    return RESULT_WAITING;
}

/*
 * call-no-handoff: the receiver is made ready and waits for its turn behind
 * everybody.
 * File: kernel/ipc/call.c
 * Caught by: call
 */
static inline __attribute__((always_inline)) int64_t
send_now(struct thread *self, struct endpoint *endpoint,
         struct session *session, struct thread *receiver, bool call)
    REQUIRES(endpoint->lock) {
    int error =
        message_deliver(self, receiver, &receiver->accept_receive,
                        call ? MESSAGE_CALL : MESSAGE_SEND, session->badge);
    if (error)
        return error;
    if (!call) {
        receiver_remove(endpoint, receiver);
        thread_wake(receiver);
        return 0;
    }
    note_session(self, endpoint, session);
    if (!can_be_quick(self, endpoint, receiver)) {
        receiver_remove(endpoint, receiver);
        call_list(endpoint, self);
    }
    call_begin(self, receiver);
    thread_wake(receiver);
    thread_wait(self, THREAD_CALLING, reply_deadline(self));
    return RESULT_WAITING;
}

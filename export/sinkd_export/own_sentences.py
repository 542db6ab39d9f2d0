"""A few sentences of our own, for models that come without a task: short and long, odd characters, one word."""

OWN_SENTENCES = (
    "A warm and funny film that never outstays its welcome.",
    "I left after forty minutes.",
    "Dull.",
    "The plot makes no sense, yet the two leads are so good together that I hardly minded.",
    "Not bad, not good, just there.",
    "Every scene looks like a painting, and every line sounds like a lecture.",
    "What a waste of a wonderful cast!",
    "The ending broke my heart; I have been humming the music ever since.",
    "It is three hours long, and I would not cut a single minute of it.",
    "Who is this for?",
    "The café scene — shot in one take — is worth the €12 ticket alone.",
    "My children laughed, my father slept, and I counted the ceiling tiles.",
    (
        "The book was quieter, sadder and in every way better than this loud, hurried, strangely cheerful adaptation, "
        "which leaves out the grandmother, moves the story to the coast, and replaces the last chapter with a chase."
    ),
    "Brilliant, baffling, and about twenty minutes too long.",
    "The second half repeats the first with fewer jokes and more explosions.",
    "She carries the whole film on a raised eyebrow.",
    "There is nothing here you have not seen before, and seen done with more care.",
    "An honest little film about people who do not talk much.",
    "10/10, would cry in public again :)",
    "The sound was so poor that I missed half of what they said, and I am told that I was lucky.",
    "I expected very little and was still disappointed.",
    "Tender without being sentimental, it trusts its audience to notice what is left unsaid.",
    "The director's best work since the early shorts.",
    "If you liked the trailer, stop there.",
)

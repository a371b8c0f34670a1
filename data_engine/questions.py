"""What is asked about a face: many ways to ask for an explanation, for the movements alone, or for the label alone.

How an explanation is worded follows from how it is asked for: plainly, as a FACS coder would, for a child, or in one line.
"""

from emollm.answer.prompt import DEFAULT_QUESTION

EXPLAIN, MOVEMENT, LABEL = "explain", "movement", "label"
LEVEL_SHARES = {"plain": 0.69, "coder": 0.13, "child": 0.12, "line": 0.06}  # of explanations

QUESTIONS: dict[str, tuple[str, ...]] = {
    "explain": (
        DEFAULT_QUESTION, "Why does this face look the way it does?",
        "What in this face leads to its reading?", "Explain how this face is commonly read and why.",
        "Which movements lead to the reading of this face?", "What does this expression show, and why?",
        "Explain the expression on this face.", "What makes people read this face the way they do?",
        "Describe the evidence in this face and conclude.", "How would you read this face, and on what grounds?",
        "Why would people see this emotion here?", "What emotion is this commonly read as, and why?",
        "Tell me why this face is read as it is.", "Which facial movements explain this expression?",
        "Give the reasons for the reading of this face.", "What is going on in this face?",
        "Can you explain this expression?", "Walk me through this face.", "Read this face step by step.",
        "Look at this face and explain what you see.", "What does the face tell a viewer, and how?",
        "Why this reading and not another?",
        "What speaks for and against your reading?",
        "Justify your reading of this face.", "What cues does this face give?", "Which cues matter most here, and why?",
        "How do the movements in this face combine?", "Please explain what this expression is commonly read as.",
        "Could you tell me what this face expresses, and why?", "so what is this face doing, and what does it mean?",
        "hey, how come the face looks like that?", "what's with this face?", "any idea why the face looks like this?",
        "ok, explain this face to me", "what do you make of this expression?", "how do you know what this face shows?",
        "Analyse this facial expression.", "Give me the observations, the interpretation and the conclusion.",
        "What would most viewers say about this face, and why?", "Start from the movements and explain the expression.",
        "First the evidence, then the label: what does this face show?",
        "Which muscles moved, and what does it look like?",
        "What is the most likely reading of this face, and the next one?",
        "Why might two people disagree about this face?", "Make sense of this expression for me.",
    ),
    "movement": (
        "Which movements are visible in this face?", "List the action units in this face.", "Which muscles are moving?",
        "What moves in this face?", "Only the movements, please.", "Code this face with FACS.",
        "Which action units are there, how strong, and on which side?",
        "Describe the movements without naming an emotion.",
        "What are the brows, eyes and mouth doing?", "Give me the measured movements.",
        "what's moving here?", "Tell me only what can be seen to move.", "How strong is each movement in this face?",
        "Is the movement on one side or on both?", "Name every action unit that is active.",
        "What does the mouth do, and what do the eyes do?", "Just list the facial actions.",
        "Report the facial movements with their level.",
    ),
    "label": (
        "How is this face commonly read?", "Which emotion is this face commonly read as?",
        "What emotion does this show?",
        "Name the emotion people would see here.", "Which label fits this face best?", "In one word, how is this read?",
        "What is the expression?", "Classify this facial expression.", "Which of the eight labels fits?",
        "What would most people call this expression?", "Give me just the label.", "what emotion is it?",
        "How would a viewer label this face?", "What is the most common reading of this face?",
        "Pick the emotion that this face is most often read as.", "Label this expression.",
        "Which expression is on this face?", "What does this look like to most people?",
    ),
}

# How an explanation is asked for, by the language level of its answer.
WORDINGS: dict[str, tuple[str, ...]] = {
    "plain": QUESTIONS[EXPLAIN],
    "coder": (
        "Explain this face as a FACS coder would.", "Explain with action units what this face shows.",
        "On which action units does the reading rest?", "Explain this face in FACS codes.", "FACS codes and reading, please.",
        "I am a FACS coder: explain this face.", "Score this face and explain the reading.",
        "Give the action units with their levels, and the reading.", "Explain the reading by action units and intensities.",
        "Which units are scored, and what do tables list them for?", "Explain this in the language of FACS.",
        "For a certified coder: why is this face read so?", "Use FACS terms to explain this expression.",
        "Technical explanation with action units, please.",
    ),
    "child": (
        "Explain this face to a child.", "Explain this face in simple words.", "Explain it as if I were five.",
        "How would you tell a child about this face?", "Explain this face in easy words.",
        "Simple words, please: what does this face show?", "Tell a child what this face does.",
        "Explain this expression to a pupil of seven.", "Explain this face very simply.",
        "in simple words, why does the face look like that?", "Help a child read this face.",
        "Explain it so that a child understands.",
    ),
    "line": (
        "Explain this face in one line.", "In one sentence: why is this face read so?",
        "One line, please: the reading and why.", "Give the reading and its main reason in one sentence.",
        "Explain briefly, one sentence.", "Short answer: which reading, and why?",
        "In short, what does this face show and why?", "Just one line: what is it and because of what?",
        "The label and the main reason, please.", "One sentence about this face.",
    ),
}

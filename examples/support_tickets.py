"""Sort support tickets into queues, and leave doubtful ones to a person.

python examples/support_tickets.py
"""

from __future__ import annotations

from wave_network import WaveClassifier

BILLING = """\
I was charged twice for the same month
The invoice shows the wrong address
Please refund the payment from last week
My card was declined although it is valid
Why has the price of my subscription gone up
Send the invoice to our accountant, please
The discount code was not taken off the total
I cancelled but money was taken again
Can we pay by bank transfer
The receipt lacks our tax number
My refund has still not arrived
Which card is charged for the subscription"""
DELIVERY = """\
My parcel has not arrived
The courier left the package in the rain
Tracking says delivered but there is nothing here
The box was open when the courier brought it
Can you deliver on Saturday
The parcel went to my old flat
Two of the three packages are missing
When will my order be shipped
The courier never rang the bell
Delivery was promised for Monday and it is Thursday
The tracking number does not work
My package was damaged on its way"""
ACCOUNT = """\
I cannot log in to my account
How do I change my password
The reset link in the mail has expired
Somebody else is using my login
Please delete my account
I lost the phone with my second factor
My user name is taken
The page says that my account is locked
How do I change the mail address I log in with
I never get the code to confirm my login
The password field refuses my password
Can two people share one account"""
THRESHOLD = 0.8  # for your own texts, choose it with `wave-network evaluate --threshold`
QUEUES = {"billing": BILLING, "delivery": DELIVERY, "account": ACCOUNT}


def main() -> None:
    """Train on three dozen tickets, then sort new ones."""
    rows = [(text, queue) for queue, texts in QUEUES.items() for text in texts.splitlines()]
    texts, labels = zip(*rows, strict=True)
    classifier = WaveClassifier("tiny", epochs=40, batch_size=8, learning_rate=0.01, device="cpu")
    classifier.fit(texts, labels)
    new = [
        "The invoice for my subscription is wrong",
        "The courier lost my parcel",
        "My password does not work and I cannot log in",
        "Do you sell gift cards",
    ]
    for text, probabilities in zip(new, classifier.predict_proba(new), strict=True):
        best = probabilities.argmax()
        doubt = "" if probabilities[best] >= THRESHOLD else "  (a person decides)"
        print(f"{probabilities[best]:.2f}  {classifier.classes_[best]:<8}  {text}{doubt}")


if __name__ == "__main__":
    main()

// The digits for a touch screen without a keyboard. Without this script the page's form works
// all the same, and the digits stay hidden.

const secret = document.getElementById("secret");
const keypad = document.getElementById("keypad");

if (keypad) {
  keypad.hidden = false;
  keypad.addEventListener("click", (event) => {
    const key = event.target.closest("button");
    if (!key) return;
    secret.value = "erase" in key.dataset ? secret.value.slice(0, -1) : secret.value + key.dataset.digit;
  });
}

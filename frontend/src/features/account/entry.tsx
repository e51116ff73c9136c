export { ForgotPassword } from "./forgot-password";
export { ResetPassword } from "./reset-password";
export { SignIn } from "./sign-in";
export { SignUp } from "./sign-up";
